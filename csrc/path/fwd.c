// SPDX-License-Identifier: BSD-3-Clause

#include "path/fwd.h"

#include <rte_byteorder.h>

// Largest i with sorted[i] <= value; sorted[0] <= value must hold.
static uint32_t last_not_above(const uint32_t *sorted, uint32_t n, uint32_t value) {
	uint32_t base = 0;

	while (n > 1) {
		uint32_t half = n / 2;
		base = sorted[base + half] <= value ? base + half : base;
		n -= half;
	}
	return base;
}

uint16_t fwd_find(const struct fwd *fwd, uint32_t dst_be) {
	return fwd->range_hop[last_not_above(fwd->start, fwd->n_ranges, rte_be_to_cpu_32(dst_be))];
}

bool fwd_is_own(const struct fwd *fwd, uint32_t dst_be) {
	uint32_t dst = rte_be_to_cpu_32(dst_be);

	if (fwd->n_own == 0 || dst < fwd->own[0])
		return false;
	return fwd->own[last_not_above(fwd->own, fwd->n_own, dst)] == dst;
}
