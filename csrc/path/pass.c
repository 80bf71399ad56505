// SPDX-License-Identifier: BSD-3-Clause

#include "path/pass.h"

#include "path/answers.h"
#include "path/forward.h"
#include "path/lifecycle.h"
#include "path/nat.h"
#include "path/tcp_expired.h"
#include "path/tcp_number.h"
#include "path/tcp_option.h"
#include "path/tcp_state.h"

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>

// Returns whether the session is over with this packet.
static __rte_noinline bool note(struct core *c, struct pkt *p, struct session *s) {
	uint8_t state = s->state;

	if (p->flags & PKT_LATER) {
		// It says nothing of the connection.
	} else if (p->proto == SLB_PROTO_TCP) {
		state = tcp_state_next(state, p->dir, p->tcp_flags);
		if (c->acks != NULL)
			tcp_keep_ack(c, p);
	} else if (p->dir == DIR_OUT) {
		state = SLB_UDP_REPLIED;
	}
	if (state != s->state) {
		if (p->proto == SLB_PROTO_TCP)
			answers_change(c, p, s, state);
		else
			answers_came(c, s);
		session_state(c, s, state);
	} else if (p->proto == SLB_PROTO_TCP) {
		answers_same(c, p, s);
	}
	return state == SLB_UDP_REPLIED && c->policies[s->policy].one_packet
		&& !(p->flags & PKT_FRAGMENT);
}

static __rte_always_inline void count(struct core *c, const struct pkt *p, struct session *s) {
	struct rs_core *rs = &c->rs[s->rs];

	if (s->seen != c->now)
		s->seen = c->now;
	rs->packets[p->dir]++;
	rs->bytes[p->dir] += p->ip_len;
}

// Bits that are not 0 when the packet may change its session's state, or end the session. No branch that depends on the direction:
// it is the one thing that nobody can predict.
static __rte_always_inline uint32_t
changes(const struct core *c, const struct pkt *p, const struct session *s) {
	const uint8_t changing = RTE_TCP_SYN_FLAG | RTE_TCP_FIN_FLAG | RTE_TCP_RST_FLAG;

	if (p->proto == SLB_PROTO_TCP)
		return (p->tcp_flags & changing) | (s->state ^ SLB_TCP_ESTABLISHED)
			| (c->acks != NULL);
	return (s->state ^ SLB_UDP_REPLIED) * p->dir | c->policies[s->policy].one_packet;
}

static __rte_always_inline bool is_usual(const struct pkt *p, const struct session *s) {
	return ((s->kind[DIR_IN] ^ s->kind[DIR_OUT]) | s->extras | p->flags) == 0 && p->ttl > 1;
}

static __rte_always_inline void become(struct pkt *p, const struct session *s) {
	const struct flow_key *to = nat_to(s, p->dir);
	const uint16_t turn = nat_turn(p->dir);

	if (p->proto == SLB_PROTO_TCP)
		nat_tcp(s, p, to, s->l4_delta ^ turn);
	else
		nat_udp(p->l4, to, s->l4_delta ^ turn);
	if (pkt_is_v6(p))
		nat_ipv6(p, s);
	else
		nat_ipv4(p->ip4, to, s->ip_delta ^ turn);
}

// False: it is not usual, and stays in the burst.
static __rte_always_inline bool pass_on(const struct core *c, struct pkt *p, struct session *s) {
	const struct hop *hop;

	if (unlikely(!is_usual(p, s)))
		return false;
	hop = forward_hop(c, s, p->dir);
	// What stands behind the packet is sent as well, so it must fit.
	if (unlikely(
		    hop->state != HOP_READY
		    || rte_pktmbuf_pkt_len(p->m) - RTE_ETHER_HDR_LEN > hop->mtu
	    ))
		return false;
	become(p, s);
	if (unlikely(p->tcp_flags & RTE_TCP_SYN_FLAG))
		tcp_clamp_mss(c, p);
	nat_macs(p->m, hop);
	pkt_decide(p, VERDICT_TX, hop->port);
	return true;
}

void pass(struct core *c, struct burst *b) {
	uint16_t kept = 0;

	for (uint16_t i = 0, n = b->n_live; i < n; i++) {
		uint8_t at = b->live[i];
		struct pkt *p = &b->pkts[at];
		struct session *s = p->session;
		bool finishes;
		count(c, p, s);
		finishes = unlikely(changes(c, p, s) != 0) && note(c, p, s);
		b->finishes |= finishes;
		if (likely(!finishes && pass_on(c, p, s)))
			continue;
		b->live[kept++] = at;
	}
	b->passed = b->n_live - kept;
	b->n_live = kept;
}
