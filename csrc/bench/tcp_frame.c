// SPDX-License-Identifier: BSD-3-Clause

#include "bench/tcp_frame.h"

#include "bench/frame.h"

#include <arpa/inet.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <string.h>

enum { WINDOW = 65535, SHORTEST = RTE_ETHER_MIN_LEN - RTE_ETHER_CRC_LEN };

static const uint8_t MSS[] = {2, 4, 1460 >> 8, 1460 & 0xff};

static uint16_t options_of(const struct tcp_frame *f) {
	return f->flags & RTE_TCP_SYN_FLAG ? sizeof(MSS) : 0;
}

static uint16_t length_of(const struct tcp_frame *f) {
	return (uint16_t)(sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_tcp_hdr) + options_of(f)
			  + (f->data ? TCP_FRAME_DATA : 0));
}

void tcp_frame_write(struct rte_mbuf *m, const struct tcp_frame *f) {
	uint16_t options = options_of(f), len = length_of(f);
	struct rte_ipv4_hdr *ip = frame_begin(m, RTE_ETHER_TYPE_IPV4, len);
	struct rte_tcp_hdr *tcp = (void *)(ip + 1);

	if (m->data_len < SHORTEST)
		m->data_len = SHORTEST;
	m->pkt_len = m->data_len;
	memset(ip, 0, m->data_len - sizeof(struct rte_ether_hdr));
	frame_ipv4(ip, len, SLB_PROTO_TCP, &f->key);
	*tcp = (struct rte_tcp_hdr){
		.src_port = f->key.sport_be,
		.dst_port = f->key.dport_be,
		.sent_seq = htonl(f->seq),
		.recv_ack = htonl(f->ack),
		.data_off = (uint8_t)((sizeof(*tcp) + options) / 4 << 4),
		.tcp_flags = f->flags,
		.rx_win = htons(WINDOW),
	};
	memcpy(tcp + 1, MSS, options);
	tcp->cksum = rte_ipv4_udptcp_cksum(ip, tcp);
}

bool tcp_frame_is(const struct rte_mbuf *m, const struct tcp_frame *f) {
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	const struct rte_ipv4_hdr *ip = (const void *)(eth + 1);
	const struct rte_tcp_hdr *tcp = (const void *)(ip + 1);

	return eth->ether_type == htons(RTE_ETHER_TYPE_IPV4)
		&& ip->total_length == htons(length_of(f)) && ip->src_addr == f->key.src_be
		&& ip->dst_addr == f->key.dst_be && tcp->src_port == f->key.sport_be
		&& tcp->dst_port == f->key.dport_be && tcp->sent_seq == htonl(f->seq)
		&& tcp->recv_ack == htonl(f->ack) && tcp->tcp_flags == f->flags
		&& memcmp(tcp + 1, MSS, options_of(f)) == 0 && rte_ipv4_cksum(ip) == 0
		&& rte_ipv4_udptcp_cksum(ip, tcp) == 0;
}
