// SPDX-License-Identifier: BSD-3-Clause

#include "harness/inner.h"
#include "slb_harness_c.h"

int harness_session_reset(
	const struct slb_reset *resets, uint32_t n, uint64_t *cursor, struct slb_refused *refused
) {
	return admin_session_reset(harness_admin(), resets, n, cursor, refused);
}

uint64_t harness_resets(uint16_t worker) {
	return harness_admin()->cores[worker]->counters.reset;
}
