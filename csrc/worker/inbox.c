// SPDX-License-Identifier: BSD-3-Clause

#include "worker/inbox.h"

#include "path/punt.h"
#include "path/sched.h"
#include "path/spread.h"
#include "path/sweep.h"

#include <rte_ring.h>

// Sessions looked at in one round: what a burst may have to wait.
enum { SCAN_PER_ROUND = 128 };

static void swap_vs(struct core *c, struct inbox_vs *change) {
	struct vs *old = c->vs[change->slot];

	if (old != NULL && change->vs != NULL && sched_ops(change->vs->scheduler)->carry != NULL
	    && old->scheduler == change->vs->scheduler)
		sched_ops(change->vs->scheduler)->carry(change->vs, old);
	c->vs[change->slot] = change->vs;
	change->vs = old;
}

static void fresh_rs(struct core *c, const struct inbox_change *change) {
	for (uint32_t i = 0; i < change->n_fresh_rs; i++) {
		struct rs_core *rs = &c->rs[change->fresh_rs[i]];
		c->n_removed -= rs->removed;
		*rs = (struct rs_core){0};
	}
}

static void gone_rs(struct core *c, const struct inbox_change *change, bool removed) {
	for (uint32_t i = 0; i < change->n_gone_rs; i++) {
		struct rs_core *rs = &c->rs[change->gone_rs[i]];
		c->n_removed += removed - rs->removed;
		rs->removed = removed;
		rs->removed_at = c->now;
	}
	if (removed && change->n_gone_rs > 0 && c->drain_tcp > 0)
		sweep_start(c);
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

static enum inbox_result apply_change(struct core *c, struct inbox_change *change) {
	uint64_t from = change->from;

	if (c->generation != from)
		return INBOX_REFUSED;
	// Undone, they keep their counts: sessions may have been made in between.
	if (change->to > from)
		fresh_rs(c, change);
	gone_rs(c, change, change->to > from);
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
	return INBOX_OK;
}

static void finish(struct inbox *inbox, struct inbox_msg *msg, enum inbox_result result) {
	inbox->current = NULL;
	__atomic_store_n(&msg->done, result, __ATOMIC_RELEASE);
}

static void carry_out(struct inbox *inbox, struct core *c, struct inbox_msg *msg) {
	switch (msg->kind) {
	case INBOX_CHANGE:
		finish(inbox, msg, apply_change(c, &msg->change));
		break;
	case INBOX_UNDO:
		if (msg->undo->done == INBOX_OK)
			apply_change(c, &msg->undo->change);
		finish(inbox, msg, INBOX_OK);
		break;
	case INBOX_SESSIONS:
		if (session_scan(c, &msg->sessions, SCAN_PER_ROUND))
			finish(inbox, msg, INBOX_OK);
		break;
	case INBOX_PROBES:
		for (uint32_t i = 0; i < msg->probes.n; i++)
			probe_send(c, &msg->probes.list[i]);
		finish(inbox, msg, INBOX_OK);
		break;
	case INBOX_QUIESCE:
		c->quiesced = true;
		finish(inbox, msg, INBOX_OK);
		break;
	}
}

bool inbox_poll(struct inbox *inbox, struct core *c) {
	void *msg;

	if (inbox->current == NULL && rte_ring_sc_dequeue(inbox->ring, &msg) == 0)
		inbox->current = msg;
	if (inbox->current == NULL)
		return false;
	carry_out(inbox, c, inbox->current);
	return true;
}
