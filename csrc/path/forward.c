// SPDX-License-Identifier: BSD-3-Clause

#include "path/forward.h"

#include "path/cut.h"
#include "path/translate.h"

#include <rte_branch_prediction.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

// Where the packet goes once rewritten: to the one whose packets arrive in the other direction.
static struct ipaddr destination(const struct session *s, enum direction dir) {
	return session_src(s, !dir);
}

// Asks for the MAC of addr, once a tick for as long as it is the last one asked for.
static void want_neighbour(struct core *c, struct ipaddr addr, uint16_t port) {
	uint32_t head = c->wanted_head;
	const struct wanted *last = &c->wanted[(head - 1) % WANTED_SLOTS];

	if (ipaddr_equal(last->addr, addr) && last->port == port && last->tick == c->now)
		return;
	if (head - __atomic_load_n(&c->wanted_tail, __ATOMIC_ACQUIRE) == WANTED_SLOTS)
		return;
	c->wanted[head % WANTED_SLOTS] =
		(struct wanted){.addr = addr, .port = port, .tick = c->now};
	__atomic_store_n(&c->wanted_head, head + 1, __ATOMIC_RELEASE);
}

static void refresh_hops(const struct core *c, struct session *s) {
	s->hop[DIR_IN] = fwd_find(c->fwd, destination(s, DIR_IN));
	s->hop[DIR_OUT] = fwd_find(c->fwd, destination(s, DIR_OUT));
	s->hop_gen = c->fwd_gen;
}

const struct hop *forward_hop(const struct core *c, struct session *s, enum direction dir) {
	if (unlikely(s->hop_gen != c->fwd_gen))
		refresh_hops(c, s);
	return &c->fwd->hops[s->hop[dir]];
}

// Bytes that stand behind the IP packet in its frame.
static uint32_t trailer(const struct pkt *p) {
	return rte_pktmbuf_pkt_len(p->m) - RTE_ETHER_HDR_LEN - p->ip_len;
}

static void too_long(struct pkt *p, const struct hop *hop, uint32_t len) {
	uint32_t extra = trailer(p);

	if (len - extra <= hop->mtu) {
		cut(p->m, rte_pktmbuf_pkt_len(p->m) - extra);
		pkt_decide(p, VERDICT_TX, hop->port);
	} else {
		pkt_drop(p, SLB_DROP_MTU);
	}
}

static void no_way(struct core *c, struct pkt *p, const struct hop *hop) {
	const struct ipaddr unset = {0};

	if (hop->state == HOP_UNRESOLVED) {
		bool gateway = !ipaddr_equal(hop->addr, unset);
		want_neighbour(c, gateway ? hop->addr : destination(p->session, p->dir), hop->port);
		pkt_drop(p, SLB_DROP_NO_NEIGHBOUR);
	} else {
		pkt_drop(p, SLB_DROP_NO_ROUTE);
	}
}

static void forward_one(struct core *c, struct pkt *p) {
	struct session *s = p->session;
	const struct hop *hop = forward_hop(c, s, p->dir);
	// What stands behind the packet is sent as well, so it must fit.
	uint32_t len = rte_pktmbuf_pkt_len(p->m) - RTE_ETHER_HDR_LEN;

	if (unlikely(s->kind[DIR_IN] != s->kind[DIR_OUT]))
		len += translated_len(p) - p->ip_len;
	if (unlikely(p->ttl <= 1))
		pkt_drop(p, SLB_DROP_TTL);
	else if (likely(hop->state == HOP_READY && len <= hop->mtu))
		pkt_decide(p, VERDICT_TX, hop->port);
	else if (hop->state == HOP_READY)
		too_long(p, hop, len);
	else
		no_way(c, p, hop);
}

void forward(struct core *c, struct burst *b) {
	for (uint16_t i = 0; i < b->n_live; i++)
		forward_one(c, &b->pkts[b->live[i]]);
}
