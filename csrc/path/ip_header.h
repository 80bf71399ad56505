// SPDX-License-Identifier: BSD-3-Clause
// IP headers made from nothing, without options or extension headers.
#pragma once

#include "base/ipaddr.h"
#include "path/csum.h"
#include "path/pkt.h"

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <string.h>

enum { IP4_HEADER = sizeof(struct rte_ipv4_hdr), IP6_HEADER = sizeof(struct rte_ipv6_hdr) };

// What both families have under different names; what is not set is zero.
struct ip_fields {
	uint16_t len; // behind the header
	uint16_t id_be; // this and the next two: IPv4 only
	uint16_t place; // of a fragment: offset in units of 8 bytes, and the flag that more follow
	uint8_t tos;
	uint8_t ttl;
	uint8_t proto;
	bool whole; // may not be fragmented
};

static inline void ip_header_v4(void *at, struct ip_fields f, uint32_t src_be, uint32_t dst_be) {
	struct rte_ipv4_hdr *ip = at;

	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.type_of_service = f.tos,
		.total_length = rte_cpu_to_be_16((uint16_t)(IP4_HEADER + f.len)),
		.packet_id = f.id_be,
		.fragment_offset = rte_cpu_to_be_16(f.place | (f.whole ? RTE_IPV4_HDR_DF_FLAG : 0)),
		.time_to_live = f.ttl,
		.next_proto_id = f.proto,
		.src_addr = src_be,
		.dst_addr = dst_be,
	};
	ip->hdr_checksum = csum_apply(0xffff, csum_sum(ip, sizeof(*ip)));
}

static inline void ip_header_v6(
	void *at, struct ip_fields f, const uint8_t *src, const uint8_t *dst
) {
	struct rte_ipv6_hdr *ip = at;
	uint8_t *addrs = (uint8_t *)at + PKT_ADDRS6_AT;

	ip->vtc_flow = rte_cpu_to_be_32(6u << 28 | (uint32_t)f.tos << 20);
	ip->payload_len = rte_cpu_to_be_16(f.len);
	ip->proto = f.proto;
	ip->hop_limits = f.ttl;
	memcpy(addrs, src, IP6_BYTES);
	memcpy(addrs + IP6_BYTES, dst, IP6_BYTES);
}
