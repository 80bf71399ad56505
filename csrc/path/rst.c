// SPDX-License-Identifier: BSD-3-Clause

#include "path/rst.h"

#include "path/csum.h"

#include <rte_ip.h>
#include <rte_tcp.h>

enum { RST_TTL = 64, TCP_BYTES = sizeof(struct rte_tcp_hdr) };

// Returns the sum of its addresses.
static uint32_t write_ipv4(struct rte_ipv4_hdr *ip, const struct rst *r) {
	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16(sizeof(*ip) + TCP_BYTES),
		.fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = RST_TTL,
		.next_proto_id = SLB_PROTO_TCP,
		.src_addr = ipaddr_v4_be(r->src),
		.dst_addr = ipaddr_v4_be(r->dst),
	};
	ip->hdr_checksum = csum_apply(0xffff, csum_sum(ip, sizeof(*ip)));
	return csum_sum32(ip->src_addr) + csum_sum32(ip->dst_addr);
}

static uint32_t write_ipv6(struct rte_ipv6_hdr *ip, const struct rst *r) {
	uint8_t addrs[2][IP6_BYTES];

	*ip = (struct rte_ipv6_hdr){
		.vtc_flow = rte_cpu_to_be_32(6u << 28),
		.payload_len = rte_cpu_to_be_16(TCP_BYTES),
		.proto = SLB_PROTO_TCP,
		.hop_limits = RST_TTL,
	};
	ipaddr_v6_bytes(r->src, addrs[0]);
	ipaddr_v6_bytes(r->dst, addrs[1]);
	memcpy((uint8_t *)(ip + 1) - sizeof(addrs), addrs, sizeof(addrs));
	return csum_sum(addrs, sizeof(addrs));
}

uint16_t rst_len(const struct rst *r) {
	return TCP_BYTES
		+ (ipaddr_is_v4(r->dst) ? sizeof(struct rte_ipv4_hdr)
					: sizeof(struct rte_ipv6_hdr));
}

void *rst_write(void *at, const struct rst *r) {
	uint8_t *end = (uint8_t *)at + rst_len(r);
	uint32_t pseudo = rte_cpu_to_be_16(TCP_BYTES) + rte_cpu_to_be_16(SLB_PROTO_TCP);
	struct rte_tcp_hdr tcp = {
		.src_port = r->sport_be,
		.dst_port = r->dport_be,
		.sent_seq = rte_cpu_to_be_32(r->seq),
		.recv_ack = rte_cpu_to_be_32(r->ack),
		.data_off = TCP_BYTES / 4 << 4,
		.tcp_flags = RTE_TCP_RST_FLAG | (r->acks ? RTE_TCP_ACK_FLAG : 0),
	};

	pseudo += ipaddr_is_v4(r->dst) ? write_ipv4(at, r) : write_ipv6(at, r);
	tcp.cksum = csum_apply(0xffff, csum_sum(&tcp, sizeof(tcp)) + pseudo);
	memcpy(end - sizeof(tcp), &tcp, sizeof(tcp));
	return end;
}
