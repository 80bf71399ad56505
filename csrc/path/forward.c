// SPDX-License-Identifier: BSD-3-Clause

#include "path/forward.h"

#include <rte_ip.h>

// Where the packet goes once rewritten: the client's way out, the RS's way in.
static uint32_t destination(const struct session *s, uint8_t dir) {
	return dir == DIR_IN ? s->key[DIR_OUT].src_be : s->key[DIR_IN].src_be;
}

// Asks for the MAC of addr, once a tick for as long as it is the last one asked for.
static void want_neighbour(struct core *c, uint32_t addr_be, uint16_t port) {
	uint32_t head = c->wanted_head;
	const struct wanted *last = &c->wanted[(head - 1) % WANTED_SLOTS];

	if (last->addr_be == addr_be && last->tick == c->now)
		return;
	if (head - __atomic_load_n(&c->wanted_tail, __ATOMIC_ACQUIRE) == WANTED_SLOTS)
		return;
	c->wanted[head % WANTED_SLOTS] =
		(struct wanted){.addr_be = addr_be, .port = port, .tick = c->now};
	__atomic_store_n(&c->wanted_head, head + 1, __ATOMIC_RELEASE);
}

static void forward_one(struct core *c, struct pkt *p) {
	struct session *s = p->session;
	const struct hop *hop;

	if (s->hop_gen[p->dir] != c->fwd_gen) {
		s->hop[p->dir] = fwd_find(c->fwd, destination(s, p->dir));
		s->hop_gen[p->dir] = c->fwd_gen;
	}
	hop = &c->fwd->hops[s->hop[p->dir]];
	if (p->ip->time_to_live <= 1) {
		pkt_drop(p, SLB_DROP_TTL);
	} else if (hop->state == HOP_READY && p->ip_len <= hop->mtu) {
		pkt_decide(p, VERDICT_TX, hop->port);
	} else if (hop->state == HOP_READY) {
		pkt_drop(p, SLB_DROP_MTU);
	} else if (hop->state == HOP_UNRESOLVED) {
		want_neighbour(
			c, hop->addr_be != 0 ? hop->addr_be : destination(s, p->dir), hop->port
		);
		pkt_drop(p, SLB_DROP_NO_NEIGHBOUR);
	} else {
		pkt_drop(p, SLB_DROP_NO_ROUTE);
	}
}

void forward(struct core *c, struct burst *b) {
	for (uint16_t i = 0; i < b->n_live; i++)
		forward_one(c, &b->pkts[b->live[i]]);
}
