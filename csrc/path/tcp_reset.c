// SPDX-License-Identifier: BSD-3-Clause

#include "path/tcp_reset.h"

#include "path/csum.h"
#include "path/cut.h"
#include "path/punt.h"

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <string.h>

enum { RESET_TTL = 64, RESET_BYTES = sizeof(struct rte_tcp_hdr) };

// Of the packet as it came in; turning both ends round does not change it, another length does.
static uint32_t pseudo_sum(const struct pkt *p, uint16_t len) {
	uint32_t addrs = pkt_is_v6(p) ? csum_sum(pkt_addrs6(p), 2 * IP6_BYTES)
				      : csum_sum32(p->key.src_be) + csum_sum32(p->key.dst_be);

	return addrs + rte_cpu_to_be_16(len) + rte_cpu_to_be_16(SLB_PROTO_TCP);
}

// A damaged segment tells nothing of the connection that it names.
static bool is_whole(const struct pkt *p) {
	uint32_t at = (uint32_t)((uint8_t *)p->l4 - rte_pktmbuf_mtod(p->m, uint8_t *));

	return csum_fold(csum_packet(p->m, at, p->l4_len) + pseudo_sum(p, p->l4_len)) == 0xffff;
}

static bool is_answered(struct core *c, const struct pkt *p) {
	const uint8_t kinds =
		RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG | RTE_TCP_RST_FLAG | RTE_TCP_FIN_FLAG;

	return c->reset_no_session && (p->tcp_flags & RTE_TCP_RST_FLAG) == 0
		&& (p->tcp_flags & kinds) != RTE_TCP_SYN_FLAG && !core_bad_source(c, pkt_src(p))
		&& is_whole(p) && punt_meter_take(&c->resets, c->now);
}

static struct rte_tcp_hdr reset_of(const struct pkt *p) {
	const struct rte_tcp_hdr *tcp = p->l4;
	uint32_t len = p->l4_len - (tcp->data_off >> 4) * 4u;
	struct rte_tcp_hdr reset = {
		.src_port = tcp->dst_port,
		.dst_port = tcp->src_port,
		.data_off = RESET_BYTES / 4 << 4,
		.tcp_flags = RTE_TCP_RST_FLAG,
	};

	len += (tcp->tcp_flags & RTE_TCP_SYN_FLAG) != 0;
	len += (tcp->tcp_flags & RTE_TCP_FIN_FLAG) != 0;
	if (tcp->tcp_flags & RTE_TCP_ACK_FLAG) {
		reset.sent_seq = tcp->recv_ack;
	} else {
		reset.recv_ack = rte_cpu_to_be_32(rte_be_to_cpu_32(tcp->sent_seq) + len);
		reset.tcp_flags |= RTE_TCP_ACK_FLAG;
	}
	reset.cksum =
		csum_apply(0xffff, csum_sum(&reset, sizeof(reset)) + pseudo_sum(p, RESET_BYTES));
	return reset;
}

static void *ipv4_header(const struct pkt *p) {
	struct rte_ipv4_hdr *ip = p->ip4;

	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16(sizeof(*ip) + RESET_BYTES),
		.fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = RESET_TTL,
		.next_proto_id = SLB_PROTO_TCP,
		.src_addr = p->key.dst_be,
		.dst_addr = p->key.src_be,
	};
	ip->hdr_checksum = csum_apply(0xffff, csum_sum(ip, sizeof(*ip)));
	return ip + 1;
}

static void *ipv6_header(const struct pkt *p) {
	uint8_t src[IP6_BYTES], *addrs = pkt_addrs6(p);
	struct rte_ipv6_hdr *ip = p->ip6;

	memcpy(src, addrs, sizeof(src));
	memcpy(addrs, addrs + IP6_BYTES, sizeof(src));
	memcpy(addrs + IP6_BYTES, src, sizeof(src));
	ip->vtc_flow = rte_cpu_to_be_32(6u << 28);
	ip->payload_len = rte_cpu_to_be_16(RESET_BYTES);
	ip->proto = SLB_PROTO_TCP;
	ip->hop_limits = RESET_TTL;
	return ip + 1;
}

static void turn(struct pkt *p) {
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(p->m, struct rte_ether_hdr *);
	struct rte_ether_addr mac = eth->dst_addr;
	struct rte_tcp_hdr reset = reset_of(p);
	uint8_t *l4 = pkt_is_v6(p) ? ipv6_header(p) : ipv4_header(p);

	memcpy(l4, &reset, sizeof(reset));
	eth->dst_addr = eth->src_addr;
	eth->src_addr = mac;
	cut(p->m, (uint32_t)(l4 + sizeof(reset) - (uint8_t *)eth));
}

void tcp_refuse(struct core *c, struct pkt *p, enum slb_drop reason) {
	if (!is_answered(c, p)) {
		pkt_drop(p, reason);
		return;
	}
	turn(p);
	core_count_drop(c, reason);
	pkt_decide(p, VERDICT_TX, p->m->port);
}
