// SPDX-License-Identifier: BSD-3-Clause

#include "path/punt.h"

#include "base/clock.h"
#include "path/spread.h"

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

enum {
	BFD_PORT = 3784, // of single hops (RFC 5881, 4)
	ND_FIRST = 133, // router solicitation (RFC 4861, 4)
	ND_LAST = 137, // redirect
	PACKET =
		TICK_HZ, // tokens that a packet costs, so that a tick's share may be less than one packet
};

void punt_meter_init(struct punt_meter *meter, uint32_t pps, uint32_t now) {
	meter->per_tick = pps > 0 ? pps : 1;
	meter->depth = RTE_MAX((uint64_t)meter->per_tick * TICK_HZ / 4, (uint64_t)PACKET);
	meter->tokens = meter->depth;
	meter->tick = now;
}

bool punt_meter_take(struct punt_meter *meter, uint32_t now) {
	uint32_t ticks = now - meter->tick;

	if (ticks > 0) {
		meter->tokens += (uint64_t)ticks * meter->per_tick;
		meter->tokens = RTE_MIN(meter->tokens, meter->depth);
		meter->tick = now;
	}
	if (meter->tokens < PACKET)
		return false;
	meter->tokens -= PACKET;
	return true;
}

void punt_share(struct core *c) {
	for (int i = 0; i < PUNT_COUNT; i++)
		punt_meter_init(&c->punt[i], c->punt_pps[i] / c->spread->n_active, c->now);
}

bool punt_allowed(struct core *c, enum punt_class class) {
	return punt_meter_take(&c->punt[class], c->now);
}

static bool is_group_frame(const struct pkt *p) {
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(p->m, const struct rte_ether_hdr *);

	return (eth->dst_addr.addr_bytes[0] & RTE_ETHER_GROUP_ADDR) != 0;
}

static bool is_balanced(const struct pkt *p) {
	if (likely(p->proto == SLB_PROTO_TCP || p->proto == SLB_PROTO_UDP))
		return true;
	return p->proto == (pkt_is_v6(p) ? SLB_PROTO_ICMP6 : SLB_PROTO_ICMP);
}

// No router has passed it on (RFC 5881, 5).
static bool is_bfd(const struct pkt *p) {
	return p->proto == SLB_PROTO_UDP && p->ttl == UINT8_MAX
		&& !(p->flags & (PKT_FRAGMENT | PKT_MULTICAST))
		&& p->key.dport_be == RTE_BE16(BFD_PORT);
}

// BFD has OSPF's meter, since without it the adjacency goes as well. Neighbour discovery is to IPv6 what ARP is to IPv4.
enum punt_class punt_class(const struct pkt *p) {
	if (is_bfd(p))
		return PUNT_OSPF;
	if (p->kind == (SLB_PROTO_ICMP6 | KIND_V6) && !(p->flags & PKT_FRAGMENT)) {
		uint8_t type = *(const uint8_t *)p->l4;
		if (type >= ND_FIRST && type <= ND_LAST)
			return PUNT_ARP;
	}
	return PUNT_OTHER;
}

// A neighbour's address: on the link itself, not behind a router. IPv6 routers speak from their link-local ones.
static bool is_on_link(const struct core *c, struct ipaddr addr) {
	const struct ipaddr unset = {0};
	const struct hop *hop = &c->fwd->hops[fwd_find(c->fwd, addr)];

	if (ipaddr_is_link_local(addr))
		return true;
	return hop->state != HOP_NO_ROUTE
		&& (ipaddr_equal(hop->addr, addr) || ipaddr_equal(hop->addr, unset));
}

bool punt_is_ospf_group(const struct pkt *p) {
	const struct ipaddr dst = pkt_dst(p);
	const uint64_t low = dst.lo & 0xffffffff;

	if (pkt_is_v6(p))
		return dst.hi == 0xff02ULL << 48 && (dst.lo == 5 || dst.lo == 6);
	return low == 0xe0000005 || low == 0xe0000006;
}

// What keeps an adjacency up: from a neighbour, to the routers on the link or to this host. All else of the protocol, which
// anybody may send from anywhere, must not use up its meter.
static bool is_ospf(const struct core *c, const struct pkt *p) {
	return p->proto == PROTO_OSPF && (punt_is_ospf_group(p) || fwd_is_own(c->fwd, pkt_dst(p)))
		&& is_on_link(c, pkt_src(p));
}

static void punt_one(struct core *c, struct burst *b, struct pkt *p) {
	bool balanced = is_balanced(p);

	if (balanced && !(p->flags & (PKT_FRAGMENT | PKT_MULTICAST))) {
		// Sent to a group of hosts on the link, it is not forwarded (RFC 1812, 5.3.4).
		if (is_group_frame(p) && !fwd_is_own(c->fwd, pkt_dst(p)))
			pkt_drop(p, SLB_DROP_NOT_FOR_US);
		return;
	}
	if (is_ospf(c, p))
		pkt_decide(p, VERDICT_PUNT, PUNT_OSPF);
	else if (p->flags & PKT_MULTICAST || fwd_is_own(c->fwd, pkt_dst(p)))
		pkt_decide(p, VERDICT_PUNT, punt_class(p));
	else if (!balanced)
		pkt_drop(p, p->flags & PKT_FRAGMENT ? SLB_DROP_FRAGMENT : SLB_DROP_PROTOCOL);
	else if (is_group_frame(p))
		pkt_drop(p, SLB_DROP_NOT_FOR_US);
	else
		b->fragments = true;
}

void punt(struct core *c, struct burst *b) {
	bool decided = false;

	for (uint16_t i = 0; i < b->n_live; i++) {
		punt_one(c, b, &b->pkts[b->live[i]]);
		decided |= b->pkts[b->live[i]].verdict != VERDICT_NONE;
	}
	if (decided)
		burst_sift(b);
}
