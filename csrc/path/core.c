// SPDX-License-Identifier: BSD-3-Clause

#include "path/core.h"

#include <rte_byteorder.h>

bool core_bad_source(const struct core *c, uint32_t src_be) {
	uint32_t src = rte_be_to_cpu_32(src_be);

	if (src >> 24 == 0 || src >> 24 == 127 || src >= 0xe0000000u)
		return true;
	return vs_is_vip(c->vs_index, src_be) || owner_find(c->owners, src_be) != OWNER_NONE
		|| fwd_is_own(c->fwd, src_be);
}
