// SPDX-License-Identifier: BSD-3-Clause

#include "worker/change.h"

#include "path/punt.h"
#include "path/sched.h"
#include "path/spread.h"
#include "path/sweep.h"

// RS that are seen to in one round, in VS or alone: what a burst may have to wait.
enum { RS_PER_ROUND = 256 };

// No session is on the slot, and no VS has it yet.
static void fresh_rs(struct core *c, uint32_t slot) {
	struct rs_core *rs = &c->rs[slot];

	c->n_removed -= rs->removed;
	c->counters.past_bytes[DIR_IN] += rs->bytes[DIR_IN];
	c->counters.past_bytes[DIR_OUT] += rs->bytes[DIR_OUT];
	*rs = (struct rs_core){0};
	c->aheads[slot].serial = 0;
	// Its first sample need not wait for the next tick.
	c->answers[slot] = (struct rs_answers){.tick = c->now - 1};
}

// The mark counts from generation `to` on, so for all of them at once.
static void mark_rs(struct core *c, uint32_t slot, bool removed, uint64_t to) {
	struct rs_core *rs = &c->rs[slot];

	c->n_removed += removed - rs->removed;
	rs->removed = removed;
	rs->removed_by = (uint32_t)to & RS_REMOVED_BY;
	rs->removed_at = c->now;
}

// The new copy goes on where the old one is; returns how many RS that took.
static uint32_t carry(const struct core *c, const struct inbox_vs *change) {
	const struct vs *old = c->vs[change->slot];
	struct vs *vs = change->vs;

	if (old == NULL || vs == NULL || old->scheduler != vs->scheduler
	    || sched_ops(vs->scheduler)->carry == NULL)
		return 1;
	sched_ops(vs->scheduler)->carry(vs, old);
	return 1 + vs->n_rs;
}

// Returns how many RS it took.
static uint32_t prepare(struct core *c, const struct inbox_change *change, uint32_t i) {
	bool undoes = change->to < change->from;

	if (i < change->n_fresh_rs) {
		// Undone, they keep their counts: sessions may have been made in between.
		if (!undoes)
			fresh_rs(c, change->fresh_rs[i]);
		return 1;
	}
	i -= change->n_fresh_rs;
	if (i < change->n_gone_rs) {
		mark_rs(c, change->gone_rs[i], !undoes, change->to);
		return 1;
	}
	return carry(c, &change->vs[i - change->n_gone_rs]);
}

static void swap_vs(struct core *c, struct inbox_vs *change) {
	struct vs *old = c->vs[change->slot];

	c->vs[change->slot] = change->vs;
	change->vs = old;
}

static void swap_spread(struct core *c, struct inbox_change *change) {
	const struct spread *old = c->spread;

	c->spread = change->spread;
	change->spread = old;
	if (c->spread->n_active != old->n_active)
		punt_share(c);
	if (c->spread->ends)
		sweep_start(c);
}

static void swap(struct core *c, struct inbox_change *change) {
	uint64_t from = change->from;

	for (uint32_t i = 0; i < change->n_vs; i++)
		swap_vs(c, &change->vs[i]);
	if (change->vs_index != NULL) {
		const struct vs_index *old = c->vs_index;
		c->vs_index = change->vs_index;
		change->vs_index = old;
	}
	if (change->fwd != NULL) {
		const struct fwd *old = c->fwd;
		c->fwd = change->fwd;
		c->fwd_gen++;
		change->fwd = old;
	}
	if (change->owners != NULL) {
		const struct owner_map *old = c->owners;
		c->owners = change->owners;
		change->owners = old;
	}
	if (change->laddrs != NULL) {
		const struct laddr_set *old = c->laddrs;
		c->laddrs = change->laddrs;
		change->laddrs = old;
	}
	if (change->spread != NULL)
		swap_spread(c, change);
	change->from = change->to;
	change->to = from;
	__atomic_store_n(&c->generation, change->from, __ATOMIC_RELAXED);
}

bool change_carry_out(struct core *c, struct inbox_change *change) {
	uint32_t n = change->n_fresh_rs + change->n_gone_rs + change->n_vs;

	for (uint32_t spent = 0; change->prepared < n; change->prepared++) {
		if (spent >= RS_PER_ROUND)
			return false;
		spent += prepare(c, change, change->prepared);
	}
	change->prepared = 0;
	swap(c, change);
	if (change->from > change->to && change->n_gone_rs > 0 && c->drain_tcp > 0)
		sweep_start(c);
	return true;
}
