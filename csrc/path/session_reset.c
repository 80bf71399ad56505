// SPDX-License-Identifier: BSD-3-Clause

#include "path/session_reset.h"

#include "path/lifecycle.h"
#include "path/proxy_protocol.h"
#include "path/segment.h"
#include "path/session_key.h"
#include "path/session_walk.h"
#include "path/syn_proxy.h"
#include "path/syn_shift.h"
#include "path/tcp_expired.h"
#include "path/tcp_reset.h"
#include "path/tcp_state.h"

#include <rte_byteorder.h>
#include <rte_tcp.h>

enum {
	ENDS = WALK_LOOKS / WALK_DEAR, // of sessions in one round
	MBUFS = 2, // that one may take
};

// The ends may take themselves for connected.
static bool is_told(const struct session *s) {
	return s->state == SLB_TCP_SYN_RECV || tcp_is_open(s->state);
}

// A segment that no end can take for one of its peer's: it answers with what it sends and expects next (RFC 9293, 3.10.7.4), and that
// is answered as any packet is that comes later.
static void ask(struct core *c, struct session *s, enum direction end) {
	struct segment question = segment_of(s, end, true);

	question.flags = RTE_TCP_ACK_FLAG;
	segment_send(c, s, !end, &question);
}

static void tell(struct core *c, struct session *s, enum direction end) {
	if (!tcp_tell_end(c, s, end))
		ask(c, s, end);
}

// Its client's next SYN makes a new session.
static void close_told(struct core *c, struct session *s) {
	tell(c, s, DIR_IN);
	tell(c, s, DIR_OUT);
	s->seen = c->now;
	s->extras |= SESSION_RESET;
	c->n_reset++;
	session_state(c, s, SLB_TCP_CLOSE);
}

static void reset_one(struct core *c, struct session *s) {
	c->counters.reset++;
	if (session_proto(s) == SLB_PROTO_TCP && is_told(s)) {
		close_told(c, s);
		return;
	}
	syn_proxy_gives_up(c, s);
	session_end_now(c, s);
}

static bool is_meant(const struct session_reset *r, const struct session *s) {
	return s->kind[DIR_IN] != 0 && r->rs[s->rs / 64] >> s->rs % 64 & 1
		&& !(s->extras & SESSION_RESET);
}

// What the end of a session needs, on its way into the cache.
static void prefetch(const struct core *c, const struct session *s) {
	session_walk_prefetch_links(c, s);
	rte_prefetch0(&c->rs[s->rs]);
	if (session_proto(s) == SLB_PROTO_TCP && is_told(s))
		return;
	rte_prefetch0(&c->answers[s->rs]);
	for (int dir = 0; dir < 2; dir++)
		session_place_prefetch(&c->sessions, session_place_of_entry(&c->sessions, s, dir));
}

// Those of the next entries that end in this round; true: there are no more entries.
static bool find(struct core *c, struct session_reset *r, uint32_t *ids, uint32_t *n) {
	for (uint32_t looks = 0; looks < WALK_LOOKS; looks++) {
		const struct session *s = session_walk_next(&c->sessions, &r->next, r->end);
		if (s == NULL)
			return true;
		if (!is_meant(r, s))
			continue;
		prefetch(c, s);
		ids[(*n)++] = session_id(&c->sessions, s);
		looks += WALK_DEAR - 1;
	}
	return false;
}

// First all are found, then all ended, so that memory is waited for once a round. Where the reserve of mbufs is used up the rest waits for the
// next round, which ends one session at least.
bool session_reset_scan(struct core *c, struct session_reset *r) {
	uint32_t ids[ENDS], n = 0;
	bool done = find(c, r, ids, &n);

	for (uint32_t i = 0; i < n; i++) {
		if (i > 0 && c->extra.n_spare < MBUFS) {
			r->next = ids[i];
			return false;
		}
		reset_one(c, &c->sessions.entries[ids[i]]);
		r->n++;
	}
	return done;
}

// An RS answers where its client, behind a device that lets only expected numbers through, was not asked.
static void tell_client(struct core *c, const struct pkt *p) {
	const struct rte_tcp_hdr *tcp = p->l4;
	struct session *s = p->session;
	struct segment rst = segment_of(s, DIR_IN, true);
	uint32_t ack = rte_be_to_cpu_32(tcp->recv_ack);

	rst.flags = RTE_TCP_RST_FLAG | RTE_TCP_ACK_FLAG;
	rst.seq = rte_be_to_cpu_32(tcp->sent_seq) + syn_shift_delta(c, s);
	rst.ack = ack - proxy_counted(c, s, ack) - s->seq_delta;
	segment_send(c, s, DIR_OUT, &rst);
}

static void answer(struct core *c, struct pkt *p) {
	if (p->flags & PKT_FRAGMENT) {
		pkt_drop(p, SLB_DROP_SESSION_RESET);
		return;
	}
	if (p->tcp_flags & RTE_TCP_RST_FLAG)
		return;
	if (p->dir == DIR_OUT && p->tcp_flags & RTE_TCP_ACK_FLAG && tcp_is_whole(p))
		tell_client(c, p);
	tcp_reset_session(c, p, SLB_DROP_SESSION_RESET);
}

// An RST of one of the ends goes on to the other.
void session_reset(struct core *c, struct burst *b) {
	for (uint16_t i = 0; i < b->n_live; i++) {
		struct pkt *p = &b->pkts[b->live[i]];
		if (p->session->extras & SESSION_RESET)
			answer(c, p);
	}
	burst_sift(b);
}
