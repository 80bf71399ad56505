// SPDX-License-Identifier: BSD-3-Clause
// Round robin: one after the other, passing over those that drain.

#include "path/sched.h"

#include <stddef.h>

static struct vs_rs *rr_pick(struct vs *vs, const struct pkt *) {
	for (uint32_t tries = 0; tries < vs->n_rs; tries++) {
		struct vs_rs *rs;
		if (vs->turn >= vs->n_rs)
			vs->turn = 0;
		rs = &vs->rs[vs->turn++];
		if (rs->weight > 0)
			return rs;
	}
	return NULL;
}

static void rr_carry(struct vs *vs, const struct vs *old) {
	vs->turn = old->turn;
}

const struct sched_ops sched_rr = {.name = "rr", .pick = rr_pick, .carry = rr_carry};
