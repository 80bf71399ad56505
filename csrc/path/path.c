// SPDX-License-Identifier: BSD-3-Clause
// A packet's way through a worker, from the bytes received to a verdict. Each stage takes the whole burst one step
// and prefetches what the next one reads; a packet that a stage decides leaves the burst.

#include "path/path.h"

#include "path/admit.h"
#include "path/forward.h"
#include "path/fragment.h"
#include "path/lifecycle.h"
#include "path/note.h"
#include "path/parse.h"
#include "path/pass.h"
#include "path/punt.h"
#include "path/rewrite.h"
#include "path/session_reset.h"
#include "path/split.h"
#include "path/syn_proxy.h"
#include "path/vlan.h"

#include <rte_mbuf.h>
#include <rte_prefetch.h>

static void write_note(struct pkt *p) {
	struct note note = {
		.flags = (p->flags & PKT_PORTS_KNOWN ? NOTE_PORTS : 0)
			| (p->flags & PKT_BARE ? NOTE_BARE : 0) | (p->asked > 0 ? NOTE_SEARCH : 0)
			| (p->asker > 0 ? NOTE_ASKED : 0),
		.asked = p->asked,
		.asker = p->asker,
		.sport_be = p->key.sport_be,
		.dport_be = p->key.dport_be,
	};

	note_write(p->m, note);
}

static void prefetch(struct burst *b, struct rte_mbuf *const *mbufs, uint16_t n) {
	b->fragments = b->splits = b->finishes = false;
	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void *));
}

// A one-packet session has been answered, in one piece: it ends once its answers, of which there may be more in the burst,
// are on their way.
static void finish(struct core *c, struct burst *b) {
	for (uint16_t i = 0; i < b->n_live; i++) {
		struct session *s = b->pkts[b->live[i]].session;
		if (s == NULL || b->pkts[b->live[i]].flags & PKT_FRAGMENT
		    || !session_is_answered(c, s))
			continue;
		for (uint16_t j = i; j < b->n_live; j++)
			if (b->pkts[b->live[j]].session == s)
				b->pkts[b->live[j]].session = NULL;
		session_end_now(c, s);
	}
}

// The port's tag, on what leaves by a port that has one.
static void tag(struct core *c, struct pkt *p) {
	uint16_t vlan_be = c->vlan_be[p->arg];

	if (vlan_be != 0 && !vlan_push(p->m, vlan_be))
		pkt_drop(p, SLB_DROP_VLAN);
}

// Over-rate punts become drops here, and every drop is counted here.
static void settle(struct core *c, struct burst *b) {
	const bool tagged = c->tagged;

	for (uint16_t i = 0; i < b->n; i++) {
		struct pkt *p = &b->pkts[i];
		if (likely(p->verdict == VERDICT_TX && !tagged))
			continue;
		if (p->verdict == VERDICT_MADE)
			p->verdict = VERDICT_TX;
		if (p->verdict == VERDICT_PUNT && !punt_allowed(c, p->arg))
			pkt_drop(p, SLB_DROP_PUNT_RATE);
		if (p->verdict == VERDICT_TX)
			tag(c, p);
		if (p->verdict == VERDICT_HANDOFF)
			write_note(p);
		if (p->verdict == VERDICT_DROP)
			core_count_drop(c, p->arg);
	}
}

void path_run(
	struct core *c, struct burst *b, struct rte_mbuf *const *mbufs, uint16_t n, enum source from
) {
	prefetch(b, mbufs, n);
	parse(c, b, mbufs, n, from);
	if (unlikely(!b->plain)) {
		punt(c, b);
		if (b->fragments)
			fragment(c, b, from);
	}
	session(&c->sessions, b);
	if (unlikely(b->missed || b->syns || !b->plain || c->n_removed > 0))
		admit(c, b, from);
	if (unlikely(c->n_reset > 0))
		session_reset(c, b);
	if (unlikely(c->proxied > 0))
		syn_proxy(c, b);
	pass(c, b);
	if (unlikely(b->n_live > 0)) {
		forward(c, b);
		rewrite(c, b);
	}
	if (unlikely(b->splits))
		split(c, b);
	if (unlikely(b->finishes))
		finish(c, b);
	if (unlikely(b->passed < b->n || c->tagged))
		settle(c, b);
}
