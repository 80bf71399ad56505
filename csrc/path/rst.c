// SPDX-License-Identifier: BSD-3-Clause

#include "path/rst.h"

#include "path/ip_header.h"

#include <rte_tcp.h>

enum { RST_TTL = 64, TCP_BYTES = sizeof(struct rte_tcp_hdr) };

uint16_t rst_len(const struct rst *r) {
	return TCP_BYTES + (ipaddr_is_v4(r->dst) ? (uint16_t)IP4_HEADER : (uint16_t)IP6_HEADER);
}

void *rst_write(void *at, const struct rst *r) {
	const struct ip_fields fields = {
		.len = TCP_BYTES, .ttl = RST_TTL, .proto = SLB_PROTO_TCP, .whole = true
	};
	uint8_t *end = (uint8_t *)at + rst_len(r), addrs[2][IP6_BYTES];
	uint32_t src_be = ipaddr_v4_be(r->src), dst_be = ipaddr_v4_be(r->dst);
	uint32_t pseudo = rte_cpu_to_be_16(TCP_BYTES) + rte_cpu_to_be_16(SLB_PROTO_TCP);
	struct rte_tcp_hdr tcp = {
		.src_port = r->sport_be,
		.dst_port = r->dport_be,
		.sent_seq = rte_cpu_to_be_32(r->seq),
		.recv_ack = rte_cpu_to_be_32(r->ack),
		.data_off = TCP_BYTES / 4 << 4,
		.tcp_flags = RTE_TCP_RST_FLAG | (r->acks ? RTE_TCP_ACK_FLAG : 0),
	};

	if (ipaddr_is_v4(r->dst)) {
		ip_header_v4(at, fields, src_be, dst_be);
		pseudo += csum_sum32(src_be) + csum_sum32(dst_be);
	} else {
		ipaddr_v6_bytes(r->src, addrs[0]);
		ipaddr_v6_bytes(r->dst, addrs[1]);
		ip_header_v6(at, fields, addrs[0], addrs[1]);
		pseudo += csum_sum(addrs, sizeof(addrs));
	}
	tcp.cksum = csum_apply(0xffff, csum_sum(&tcp, sizeof(tcp)) + pseudo);
	memcpy(end - sizeof(tcp), &tcp, sizeof(tcp));
	return end;
}
