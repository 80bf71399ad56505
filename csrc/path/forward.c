// SPDX-License-Identifier: BSD-3-Clause

#include "path/forward.h"

#include "path/client_address.h"
#include "path/icmp_make.h"
#include "path/mbuf_edit.h"
#include "path/proxy_protocol.h"
#include "path/split.h"
#include "path/translate.h"

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_ether.h>
#include <rte_ip.h>

enum { SHORTEST_MTU6 = 1280 }; // of every link (RFC 8200, 5)

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

void forward_refresh(const struct core *c, struct session *s) {
	s->hop[DIR_IN] = fwd_find(c->fwd, destination(s, DIR_IN));
	s->hop[DIR_OUT] = fwd_find(c->fwd, destination(s, DIR_OUT));
	s->hop_gen = c->fwd_gen;
}

// Bytes that stand behind the IP packet in its frame.
static uint32_t trailer(const struct pkt *p) {
	return rte_pktmbuf_pkt_len(p->m) - RTE_ETHER_HDR_LEN - p->ip_len;
}

// The outgoing MTU as one for packets of the family that came in, without a PROXY header. No IPv6 sender makes them shorter than
// 1,280 bytes, and those that are no longer may be cut as IPv4.
static uint32_t mtu_before(const struct pkt *p, const struct hop *hop) {
	const uint32_t grows = sizeof(struct rte_ipv6_hdr) - sizeof(struct rte_ipv4_hdr);
	const struct session *s = p->session;
	bool crosses = s->kind[DIR_IN] != s->kind[DIR_OUT];
	bool told = p->flags & PKT_TELL && s->extras & SESSION_PROXY;
	uint32_t mtu = hop->mtu - (told ? proxy_bytes(s) : 0);

	if (!pkt_is_v6(p))
		return crosses ? mtu - grows : mtu;
	if (crosses)
		mtu += grows;
	return crosses || told ? RTE_MAX(mtu, (uint32_t)SHORTEST_MTU6) : mtu;
}

static void too_long(
	struct core *c, struct burst *b, struct pkt *p, const struct hop *hop, uint32_t len
) {
	uint32_t extra = trailer(p);

	if (len - extra <= hop->mtu) {
		mbuf_cut(p->m, rte_pktmbuf_pkt_len(p->m) - extra);
		pkt_decide(p, VERDICT_TX, hop->port);
	} else if (split_is_allowed(p)) {
		p->flags |= PKT_SPLIT;
		b->splits = true;
		pkt_decide(p, VERDICT_TX, hop->port);
	} else {
		icmp_too_big(c, p, mtu_before(p, hop));
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

static inline void forward_one(struct core *c, struct burst *b, struct pkt *p, uint32_t len) {
	struct session *s = p->session;
	const struct hop *hop = forward_hop(c, s, p->dir);

	if (unlikely(p->ttl <= 1))
		icmp_time_exceeded(c, p);
	else if (likely(hop->state == HOP_READY && len <= hop->mtu))
		pkt_decide(p, VERDICT_TX, hop->port);
	else if (hop->state == HOP_READY)
		too_long(c, b, p, hop, len);
	else
		no_way(c, p, hop);
}

// How much longer it will be.
static __rte_noinline uint32_t growth(struct core *c, struct pkt *p) {
	struct session *s = p->session;
	const struct hop *hop = forward_hop(c, s, p->dir);
	uint32_t grows = 0, len;

	if (s->kind[DIR_IN] != s->kind[DIR_OUT])
		grows = translated_len(p) - p->ip_len;
	len = p->ip_len + grows;
	if (s->extras != 0 && p->ttl > 1 && hop->state == HOP_READY)
		grows += client_address_plan(c, p, hop->mtu > len ? hop->mtu - len : 0);
	return grows;
}

void forward(struct core *c, struct burst *b) {
	for (uint16_t i = 0; i < b->n_live; i++) {
		struct pkt *p = &b->pkts[b->live[i]];
		const struct session *s = p->session;
		// What stands behind the packet is sent as well, so it must fit.
		uint32_t len = rte_pktmbuf_pkt_len(p->m) - RTE_ETHER_HDR_LEN;
		if (unlikely(((s->kind[DIR_IN] ^ s->kind[DIR_OUT]) | s->extras) != 0))
			len += growth(c, p);
		if (likely(p->verdict == VERDICT_NONE))
			forward_one(c, b, p, len);
	}
}

// Not one that may be cut into pieces, so no burst has to know of it.
void forward_by_session(struct core *c, struct pkt *p, uint32_t len) {
	forward_one(c, NULL, p, len + trailer(p));
}
