// SPDX-License-Identifier: BSD-3-Clause
// Smooth weighted round robin (the method nginx made known): each turn every RS earns its weight, the richest is chosen
// and pays the sum of all weights. Over that many turns each RS is chosen exactly `weight` times, spread out evenly.

#include "path/sched.h"

#include <stddef.h>

static struct vs_rs *wrr_pick(struct vs *vs, const struct pkt *) {
	struct vs_rs *best = NULL;

	for (uint32_t i = 0; i < vs->n_rs; i++) {
		struct vs_rs *rs = &vs->rs[i];
		if (rs->weight == 0)
			continue;
		rs->credit += rs->weight;
		if (best == NULL || rs->credit > best->credit)
			best = rs;
	}
	if (best != NULL)
		best->credit -= (int32_t)vs->total_weight;
	return best;
}

// A credit stays right only while the weights it was earned by are the same.
static void wrr_carry(struct vs *vs, const struct vs *old) {
	if (vs->n_rs != old->n_rs || vs->total_weight != old->total_weight)
		return;
	for (uint32_t i = 0; i < vs->n_rs; i++)
		if (vs->rs[i].slot != old->rs[i].slot || vs->rs[i].weight != old->rs[i].weight)
			return;
	for (uint32_t i = 0; i < vs->n_rs; i++)
		vs->rs[i].credit = old->rs[i].credit;
}

const struct sched_ops sched_wrr = {.name = "wrr", .pick = wrr_pick, .carry = wrr_carry};
