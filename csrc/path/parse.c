// SPDX-License-Identifier: BSD-3-Clause
// All lengths are checked against the first segment: headers must lie in it. TCP and UDP headers are looked at
// only in packets that are not fragments; a later fragment has no L4 header to look at.

#include "path/parse.h"

#include "path/pkt.h"

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <rte_udp.h>

static void parse_tcp(struct pkt *p) {
	const struct rte_tcp_hdr *tcp = p->l4;
	uint16_t header;

	if (p->l4_len < sizeof(*tcp)) {
		pkt_drop(p, SLB_DROP_L4_SHORT);
		return;
	}
	header = (tcp->data_off >> 4) * 4;
	if (header < sizeof(*tcp) || header > p->l4_len) {
		pkt_drop(p, SLB_DROP_L4_SHORT);
		return;
	}
	p->key.sport_be = tcp->src_port;
	p->key.dport_be = tcp->dst_port;
	p->tcp_flags = tcp->tcp_flags;
}

static void parse_udp(struct pkt *p) {
	const struct rte_udp_hdr *udp = p->l4;

	if (p->l4_len < sizeof(*udp) || rte_be_to_cpu_16(udp->dgram_len) < sizeof(*udp)
	    || rte_be_to_cpu_16(udp->dgram_len) > p->l4_len) {
		pkt_drop(p, SLB_DROP_L4_SHORT);
		return;
	}
	p->key.sport_be = udp->src_port;
	p->key.dport_be = udp->dst_port;
}

static void parse_l4(struct pkt *p) {
	switch (p->proto) {
	case SLB_PROTO_TCP:
		parse_tcp(p);
		break;
	case SLB_PROTO_UDP:
		parse_udp(p);
		break;
	case SLB_PROTO_ICMP:
		if (p->l4_len < sizeof(struct rte_icmp_hdr))
			pkt_drop(p, SLB_DROP_L4_SHORT);
		break;
	default:
		break;
	}
}

// `room` is what the first segment holds after the Ethernet header.
static void parse_ipv4(struct pkt *p, uint16_t room) {
	struct rte_ipv4_hdr *ip = p->ip;
	uint16_t header;

	if (room < sizeof(*ip)) {
		pkt_drop(p, SLB_DROP_SHORT);
		return;
	}
	if (ip->version_ihl >> 4 != 4) {
		pkt_drop(p, SLB_DROP_BAD_VERSION);
		return;
	}
	header = (ip->version_ihl & RTE_IPV4_HDR_IHL_MASK) * RTE_IPV4_IHL_MULTIPLIER;
	if (header < sizeof(*ip) || header > room) {
		pkt_drop(p, SLB_DROP_BAD_IHL);
		return;
	}
	p->ip_len = rte_be_to_cpu_16(ip->total_length);
	if (p->ip_len < header || p->ip_len > room) {
		pkt_drop(p, SLB_DROP_BAD_LENGTH);
		return;
	}
	p->flags |= PKT_IPV4;
	p->proto = ip->next_proto_id;
	p->l4 = (uint8_t *)ip + header;
	p->l4_len = p->ip_len - header;
	p->key.src_be = ip->src_addr;
	p->key.dst_be = ip->dst_addr;
	if (ip->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK))
		p->flags |= PKT_FRAGMENT;
	else
		parse_l4(p);
}

static void parse_one(struct pkt *p) {
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(p->m, const struct rte_ether_hdr *);
	uint16_t len = rte_pktmbuf_data_len(p->m);

	if (len < sizeof(*eth)) {
		pkt_drop(p, SLB_DROP_SHORT);
	} else if (p->m->nb_segs > 1) {
		pkt_drop(p, SLB_DROP_MULTI_SEGMENT);
	} else if (eth->ether_type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4)) {
		p->ip = (struct rte_ipv4_hdr *)(uintptr_t)(eth + 1);
		parse_ipv4(p, len - sizeof(*eth));
	} else {
		bool arp = eth->ether_type == rte_cpu_to_be_16(RTE_ETHER_TYPE_ARP);
		pkt_decide(p, VERDICT_PUNT, arp ? PUNT_ARP : PUNT_OTHER);
	}
}

void parse(struct burst *b) {
	for (uint16_t i = 0; i < b->n_live; i++)
		parse_one(&b->pkts[b->live[i]]);
	burst_sift(b);
}
