// SPDX-License-Identifier: BSD-3-Clause

#include "path/punt.h"

#include "base/clock.h"

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

enum { PROTO_OSPF = 89 };

void punt_meter_init(struct punt_meter *meter, uint32_t pps, uint32_t now) {
	meter->per_tick = pps / TICK_HZ > 0 ? pps / TICK_HZ : 1;
	meter->depth = pps / 4 > meter->per_tick ? pps / 4 : meter->per_tick;
	meter->tokens = meter->depth;
	meter->tick = now;
}

bool punt_allowed(struct core *c, enum punt_class class) {
	struct punt_meter *meter = &c->punt[class];
	uint32_t ticks = c->now - meter->tick;

	if (ticks > 0) {
		uint64_t tokens = meter->tokens + (uint64_t)ticks * meter->per_tick;
		meter->tokens = tokens < meter->depth ? (uint32_t)tokens : meter->depth;
		meter->tick = c->now;
	}
	if (meter->tokens == 0)
		return false;
	meter->tokens--;
	return true;
}

static bool is_multicast(uint32_t addr_be) {
	return rte_be_to_cpu_32(addr_be) >= 0xe0000000u;
}

static bool is_group_frame(const struct pkt *p) {
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(p->m, const struct rte_ether_hdr *);

	return (eth->dst_addr.addr_bytes[0] & RTE_ETHER_GROUP_ADDR) != 0;
}

void punt(struct core *c, struct burst *b) {
	for (uint16_t i = 0; i < b->n_live; i++) {
		struct pkt *p = &b->pkts[b->live[i]];
		bool balanced = p->proto == SLB_PROTO_TCP || p->proto == SLB_PROTO_UDP
			|| p->proto == SLB_PROTO_ICMP;

		if (balanced && !(p->flags & PKT_FRAGMENT) && !is_multicast(p->key.dst_be)) {
			// Sent to a group of hosts on the link, it is not forwarded (RFC 1812, 5.3.4).
			if (is_group_frame(p) && !fwd_is_own(c->fwd, p->key.dst_be))
				pkt_drop(p, SLB_DROP_NOT_FOR_US);
			continue;
		}
		if (p->proto == PROTO_OSPF)
			pkt_decide(p, VERDICT_PUNT, PUNT_OSPF);
		else if (is_multicast(p->key.dst_be) || fwd_is_own(c->fwd, p->key.dst_be))
			pkt_decide(p, VERDICT_PUNT, PUNT_OTHER);
		else
			pkt_drop(
				p, p->flags & PKT_FRAGMENT ? SLB_DROP_FRAGMENT : SLB_DROP_PROTOCOL
			);
	}
	burst_sift(b);
}
