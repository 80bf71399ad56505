// SPDX-License-Identifier: BSD-3-Clause

#include "bench/segment.h"

#include "slb.h"

#include <arpa/inet.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <string.h>

enum { WINDOW = 65535, SHORTEST = RTE_ETHER_MIN_LEN - RTE_ETHER_CRC_LEN };

void segment_from_udp(struct rte_mbuf *m, uint8_t flags) {
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	struct rte_ipv4_hdr *ip4 = (void *)(eth + 1);
	struct rte_ipv6_hdr *ip6 = (void *)(eth + 1);
	bool v6 = eth->ether_type == htons(RTE_ETHER_TYPE_IPV6);
	struct rte_tcp_hdr *tcp = v6 ? (void *)(ip6 + 1) : (void *)(ip4 + 1);
	uint16_t len = (uint16_t)((uint8_t *)(tcp + 1) - (uint8_t *)eth);

	m->data_len = RTE_MAX(len, (uint16_t)SHORTEST);
	m->pkt_len = m->data_len;
	*tcp = (struct rte_tcp_hdr){
		.src_port = tcp->src_port,
		.dst_port = tcp->dst_port,
		.sent_seq = htonl(1),
		.recv_ack = flags & RTE_TCP_ACK_FLAG ? htonl(1) : 0,
		.data_off = sizeof(*tcp) / 4 << 4,
		.tcp_flags = flags,
		.rx_win = htons(WINDOW),
	};
	memset(tcp + 1, 0, m->data_len - len);
	if (v6) {
		ip6->proto = SLB_PROTO_TCP;
		ip6->payload_len = htons(sizeof(*tcp));
		tcp->cksum = rte_ipv6_udptcp_cksum(ip6, tcp);
		return;
	}
	ip4->next_proto_id = SLB_PROTO_TCP;
	ip4->total_length = htons(sizeof(*ip4) + sizeof(*tcp));
	ip4->hdr_checksum = 0;
	ip4->hdr_checksum = rte_ipv4_cksum(ip4);
	tcp->cksum = rte_ipv4_udptcp_cksum(ip4, tcp);
}
