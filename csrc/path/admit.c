// SPDX-License-Identifier: BSD-3-Clause
// A packet without a session is one of these, looked at in this order: ICMP; a reply whose session another worker
// owns; for the host itself; a client's packet that another worker should see; a client's first packet to a VS;
// nothing of ours.

#include "path/admit.h"

#include "path/answers.h"
#include "path/fragment.h"
#include "path/icmp.h"
#include "path/icmp_make.h"
#include "path/lifecycle.h"
#include "path/probe.h"
#include "path/punt.h"
#include "path/sched.h"
#include "path/spread.h"
#include "path/syn_proxy.h"
#include "path/tcp_expired.h"
#include "path/tcp_reset.h"
#include "path/tcp_state.h"

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>

// A TCP connection begins with a SYN and nothing else.
static bool is_first(const struct pkt *p) {
	const uint8_t kinds =
		RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG | RTE_TCP_RST_FLAG | RTE_TCP_FIN_FLAG;

	return (p->tcp_flags & kinds) == RTE_TCP_SYN_FLAG;
}

// Ends a session. Packets of the burst that belong to it look again if they come from place `at` on; earlier ones are
// stragglers of a connection that is over.
static void forget(struct core *c, struct burst *b, uint16_t at, struct session *over) {
	for (uint16_t i = 0; i < b->n_live; i++) {
		struct pkt *p = &b->pkts[b->live[i]];
		if (p->session != over)
			continue;
		if (i < at) {
			answers_late(c, p, over);
			pkt_drop(p, SLB_DROP_NO_SESSION);
		}
		p->session = NULL;
	}
	session_end_now(c, over);
}

static void make_room(struct core *c, struct burst *b, uint16_t at, enum session_width width) {
	struct session *victim;

	if (!c->recycle || !session_is_full(&c->sessions, width))
		return;
	victim = session_victim(c, width);
	if (victim == NULL)
		return;
	forget(c, b, at, victim);
	c->counters.recycled++;
}

// A segment in fragments cannot be judged whole, and a later fragment is none.
static void refuse(struct core *c, struct pkt *p, enum slb_drop reason) {
	if (p->proto == SLB_PROTO_TCP && !(p->flags & PKT_FRAGMENT))
		tcp_refuse(c, p, reason);
	else
		pkt_drop(p, reason);
}

// For want of an RS, a local port or room.
static void count_refused(struct core *c, const struct vs *vs) {
	c->vs_refused[vs->slot]++;
}

// A session with an RS of the VS, or a drop.
static void open_session(struct core *c, struct burst *b, uint16_t at, struct vs *vs) {
	struct pkt *p = &b->pkts[b->live[at]];
	const struct vs_rs *rs;

	if (c->quiesced) {
		pkt_drop(p, SLB_DROP_STOPPING);
		return;
	}
	rs = sched_ops(vs->scheduler)->pick(vs, p);
	if (rs == NULL) {
		pkt_drop(p, SLB_DROP_NO_RS);
		count_refused(c, vs);
		return;
	}
	make_room(c, b, at, session_width(p, rs));
	session_create(c, p, vs, rs);
	if (p->session == NULL)
		count_refused(c, vs);
	if (p->flags & PKT_FRAGMENT && p->session != NULL && c->policies[vs->policy].one_packet)
		fragment_remember(c, p);
}

static void open_proxied(struct core *c, struct burst *b, uint16_t at, struct vs *vs) {
	struct pkt *p = &b->pkts[b->live[at]];
	struct syn_accepted accepted;

	if (is_first(p) && c->quiesced) {
		pkt_drop(p, SLB_DROP_STOPPING);
	} else if (is_first(p) && vs->total_weight == 0) {
		pkt_drop(p, SLB_DROP_NO_RS);
		count_refused(c, vs);
	} else if (is_first(p)) {
		syn_proxy_answer(c, p, vs);
	} else if (!syn_proxy_accepts(c, p, &accepted)) {
		refuse(c, p, SLB_DROP_SYN_COOKIE);
	} else {
		open_session(c, b, at, vs);
		syn_proxy_begin(c, p, &accepted);
	}
}

static void new_session(struct core *c, struct burst *b, uint16_t at, uint16_t slot) {
	struct pkt *p = &b->pkts[b->live[at]];
	struct vs *vs = c->vs[slot];

	if (p->flags & PKT_LATER) {
		if (!fragment_recall(c, p))
			pkt_drop(p, SLB_DROP_NO_SESSION);
		return;
	}
	if (core_bad_source(c, pkt_src(p))) {
		pkt_drop(p, SLB_DROP_BAD_SOURCE);
		return;
	}
	if (p->ttl <= 1) {
		icmp_time_exceeded(c, p);
		return;
	}
	if (vs->syn_proxy)
		open_proxied(c, b, at, vs);
	else if (p->proto == SLB_PROTO_TCP && !is_first(p) && !c->quiesced)
		refuse(c, p, SLB_DROP_NOT_SYN);
	else
		open_session(c, b, at, vs);
}

static bool goes_to(const struct core *c, struct pkt *p, uint16_t target) {
	if (target == c->id)
		return false;
	pkt_decide(p, VERDICT_HANDOFF, target);
	return true;
}

// Whether another worker may have its session from before its client came to this one. A connection that begins now has none.
static bool may_be_older(const struct core *c, const struct pkt *p) {
	const struct spread *s = c->spread;

	return s->moved && (s->lately || p->proto != SLB_PROTO_TCP || !is_first(p));
}

// True: the packet is handed to the worker that has or makes its session. A fragment comes from its datagram's home, so it
// goes on from there although it was handed over before, and is searched for where the device spreads. What a device brings to an idle
// worker goes where it would if all were spread by hash, and who gets it there asks whom it would ask then.
static bool goes_elsewhere(const struct core *c, struct pkt *p, enum source from) {
	const struct spread *s = c->spread;
	bool by_hash = c->spread_hash[p->m->port], fragment = (p->flags & PKT_FRAGMENT) != 0;
	bool hands_on = c->hands_on[p->m->port];
	uint8_t place;

	if (spread_answer(c, p))
		return true;
	if (!by_hash && !fragment && !hands_on)
		return may_be_older(c, p) && spread_ask(c, p, s->queue_before);
	place = spread_place(
		pkt_src(p), pkt_dst(p), (uint32_t)p->key.sport_be << 16 | p->key.dport_be
	);
	if (hands_on && !fragment) {
		if (!s->active && from != FROM_WORKER && p->asker == 0)
			return goes_to(c, p, s->worker[place]);
		return may_be_older(c, p) && spread_ask(c, p, s->queue_before | s->before[place]);
	}
	if (!by_hash)
		return spread_search(c, p, s->worker[place]) || goes_to(c, p, s->worker[place]);
	if ((fragment || from != FROM_WORKER) && p->asker == 0 && goes_to(c, p, s->worker[place]))
		return true;
	return may_be_older(c, p) && spread_ask(c, p, s->before[place]);
}

// A packet to a local address of worker `owner`.
static void to_local(struct core *c, struct pkt *p, uint16_t owner, enum source from) {
	bool probe = probe_came(c, p, owner, from), fragment = (p->flags & PKT_FRAGMENT) != 0;

	// A fragment comes from its datagram's home.
	if (owner != c->id && (from != FROM_WORKER || fragment)) {
		// Devices do not bring fragments to where whole packets go.
		c->counters.misdirected[p->m->port] += !fragment && !probe;
		pkt_decide(p, VERDICT_HANDOFF, owner);
	} else if (probe) {
		pkt_drop(p, SLB_DROP_STEERING_PROBE);
	} else {
		refuse(c, p, SLB_DROP_NO_SESSION);
	}
}

static void admit_one(struct core *c, struct burst *b, uint16_t at, enum source from) {
	struct pkt *p = &b->pkts[b->live[at]];
	struct ipaddr dst = pkt_dst(p);
	uint16_t owner, slot;

	// A plain frame's has not been looked at.
	if (from == FROM_PORT)
		p->asker = 0;
	if (p->proto != SLB_PROTO_TCP && p->proto != SLB_PROTO_UDP) {
		icmp(c, p, from);
		return;
	}
	owner = owner_of_flow(c->owners, &p->key, pkt_addrs6(p), p->kind);
	if (owner != OWNER_NONE) {
		to_local(c, p, owner, from);
		return;
	}
	if (fwd_is_own(c->fwd, dst)) {
		pkt_decide(p, VERDICT_PUNT, punt_class(p));
		return;
	}
	slot = vs_find(c->vs_index, dst, p->key.dport_be, p->proto);
	if (slot == VS_NONE) {
		bool vip = vs_is_vip(c->vs_index, dst);
		pkt_drop(p, vip ? SLB_DROP_NO_VS : SLB_DROP_NOT_FOR_US);
		return;
	}
	if (!goes_elsewhere(c, p, from))
		new_session(c, b, at, slot);
}

// A client that opens a connection anew from the port of one that is over must be scheduled anew: the RS of old may
// be gone. Earlier packets of the burst, not yet counted, may be what ends it.
static bool reopens(const struct burst *b, uint16_t at) {
	const struct pkt *p = &b->pkts[b->live[at]];
	const struct session *s = p->session;
	uint8_t state = s->state;

	// Of a datagram no flag is known.
	if (likely(!is_first(p)) || p->dir != DIR_IN)
		return false;
	for (uint16_t i = 0; i < at; i++) {
		const struct pkt *earlier = &b->pkts[b->live[i]];
		if (earlier->session == s && !(earlier->flags & PKT_LATER))
			state = tcp_state_next(state, earlier->dir, earlier->tcp_flags);
	}
	return state == SLB_TCP_TIME_WAIT || state == SLB_TCP_CLOSE;
}

static inline bool is_over(const struct core *c, const struct burst *b, uint16_t at) {
	const struct pkt *p = &b->pkts[b->live[at]];

	return reopens(b, at)
		|| (unlikely(c->n_removed > 0) && !(p->flags & PKT_LATER)
		    && session_is_over(c, p->session, p->dir));
}

// Of one that is opened anew both ends know that it has ended.
static void end(struct core *c, struct burst *b, uint16_t at) {
	struct pkt *p = &b->pkts[b->live[at]];

	if (session_is_over(c, p->session, p->dir))
		tcp_tell_late(c, p);
	forget(c, b, at, p->session);
}

void admit(struct core *c, struct burst *b, enum source from) {
	bool changed = false, admitted = false;

	for (uint16_t i = 0; i < b->n_live; i++) {
		struct pkt *p = &b->pkts[b->live[i]];
		// A straggler may have been dropped with the session of a later packet.
		if (p->verdict != VERDICT_NONE)
			continue;
		// An earlier packet of this burst may have made the session.
		if (p->session == NULL && changed)
			session_find(&c->sessions, p);
		if (p->session != NULL && is_over(c, b, i)) {
			end(c, b, i);
			changed = true;
		}
		if (likely(p->session != NULL))
			continue;
		admit_one(c, b, i, from);
		changed |= p->session != NULL;
		admitted = true;
	}
	if (changed || admitted)
		burst_sift(b);
}
