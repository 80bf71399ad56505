// SPDX-License-Identifier: BSD-3-Clause

#include "path/rewrite.h"

#include "path/csum.h"

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <rte_udp.h>
#include <string.h>

static void rewrite_tcp(struct rte_tcp_hdr *tcp, const struct flow_key *to, uint16_t delta) {
	tcp->src_port = to->dport_be;
	tcp->dst_port = to->sport_be;
	tcp->cksum = csum_apply(tcp->cksum, delta);
}

// A UDP checksum of 0 means "none" (RFC 768), so none is made up, and a computed 0 is sent as all ones.
static void rewrite_udp(struct rte_udp_hdr *udp, const struct flow_key *to, uint16_t delta) {
	udp->src_port = to->dport_be;
	udp->dst_port = to->sport_be;
	if (udp->dgram_cksum == 0)
		return;
	udp->dgram_cksum = csum_apply(udp->dgram_cksum, delta);
	if (udp->dgram_cksum == 0)
		udp->dgram_cksum = 0xffff;
}

static void rewrite_one(struct core *c, struct pkt *p) {
	const struct session *s = p->session;
	const struct hop *hop = &c->fwd->hops[s->hop[p->dir]];
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(p->m, struct rte_ether_hdr *);
	// The packet takes the place of one travelling against the other side's key.
	const struct flow_key *to = &s->key[!p->dir];
	uint16_t turn = p->dir == DIR_IN ? 0 : 0xffff;
	uint16_t one_ttl_less = rte_cpu_to_be_16(0xfeff); // -0x0100 in one's complement

	p->ip->src_addr = to->dst_be;
	p->ip->dst_addr = to->src_be;
	p->ip->time_to_live--;
	p->ip->hdr_checksum =
		csum_apply(p->ip->hdr_checksum, (uint32_t)(s->ip_delta ^ turn) + one_ttl_less);
	if (p->proto == SLB_PROTO_TCP)
		rewrite_tcp(p->l4, to, s->l4_delta ^ turn);
	else
		rewrite_udp(p->l4, to, s->l4_delta ^ turn);
	memcpy(&eth->dst_addr, hop->dst_mac, sizeof(eth->dst_addr));
	memcpy(&eth->src_addr, hop->src_mac, sizeof(eth->src_addr));
}

void rewrite(struct core *c, struct burst *b) {
	for (uint16_t i = 0; i < b->n_live; i++) {
		struct pkt *p = &b->pkts[b->live[i]];
		if (p->verdict == VERDICT_TX)
			rewrite_one(c, p);
	}
}
