// SPDX-License-Identifier: BSD-3-Clause

#include "path/fwd.h"

// Largest i with sorted[i] <= value; sorted[0] <= value must hold.
static uint32_t last_not_above(const struct ipaddr *sorted, uint32_t n, struct ipaddr value) {
	uint32_t base = 0;

	while (n > 1) {
		uint32_t half = n / 2;
		base = ipaddr_below(value, sorted[base + half]) ? base : base + half;
		n -= half;
	}
	return base;
}

uint16_t fwd_find(const struct fwd *fwd, struct ipaddr dst) {
	return fwd->range_hop[last_not_above(fwd->start, fwd->n_ranges, dst)];
}

bool fwd_is_own(const struct fwd *fwd, struct ipaddr dst) {
	if (fwd->n_own == 0 || ipaddr_below(dst, fwd->own[0]))
		return false;
	return ipaddr_equal(fwd->own[last_not_above(fwd->own, fwd->n_own, dst)], dst);
}
