// SPDX-License-Identifier: BSD-3-Clause

#include "fuzz/totals.h"

static struct totals own;
struct totals *totals = &own;

void totals_verdict(uint8_t verdict) {
	totals->sent += verdict == HARNESS_TX;
	totals->punted += verdict == HARNESS_PUNT;
	totals->handed_off += verdict == HARNESS_HANDOFF;
	totals->held += verdict == HARNESS_HELD;
}

void totals_drops(uint16_t workers) {
	uint64_t counted[SLB_MAX_WORKERS * SLB_DROP_COUNT];
	uint32_t n = workers * SLB_DROP_COUNT;

	harness_drop_list(counted, n);
	for (uint32_t i = 0; i < n; i++)
		totals->dropped[i % SLB_DROP_COUNT] += counted[i];
}
