// SPDX-License-Identifier: BSD-3-Clause

#include "path/core.h"

bool core_bad_source(const struct core *c, struct ipaddr src) {
	return !ipaddr_is_routable(src) || vs_is_vip(c->vs_index, src)
		|| owner_entry(c->owners, src) != NULL || fwd_is_own(c->fwd, src);
}
