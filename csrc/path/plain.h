// SPDX-License-Identifier: BSD-3-Clause
// The plain frame, which nearly all are: without tag, to one host; IPv4 without options or IPv6 without extension headers; TCP or UDP,
// whole, and in the first segment as far as its IP header says. Its fields stand at fixed places, so that a few wide
// loads and comparisons read it. What is not plain is read by path/parse.c, which tells what is wrong with it.
#pragma once

#include "path/pkt.h"

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <rte_udp.h>
#include <string.h>

enum {
	PLAIN_TYPE_AT = 12, // Ethernet type; behind it IP's version
	PLAIN_LEAST = RTE_ETHER_HDR_LEN + sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_udp_hdr),
	PLAIN_LEAST6 = RTE_ETHER_HDR_LEN + sizeof(struct rte_ipv6_hdr) + sizeof(struct rte_udp_hdr),
};

static __rte_always_inline uint32_t plain_u32(const void *at) {
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static __rte_always_inline uint64_t plain_u64(const void *at) {
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

// The header, of which at least a UDP header's bytes are there, is whole; p's ports are not set.
static __rte_always_inline bool plain_l4(
	struct pkt *p, uint8_t proto, const void *l4, uint32_t len
) {
	const struct rte_udp_hdr *udp = l4;
	const struct rte_tcp_hdr *tcp = l4;
	uint32_t header;

	if (proto == SLB_PROTO_UDP) {
		uint32_t datagram = rte_be_to_cpu_16(udp->dgram_len);
		return datagram >= sizeof(*udp) && datagram <= len;
	}
	if (proto != SLB_PROTO_TCP || len < sizeof(*tcp))
		return false;
	header = (tcp->data_off >> 4) * 4;
	p->tcp_flags = tcp->tcp_flags;
	return header >= sizeof(*tcp) && header <= len;
}

static __rte_always_inline void plain_begin(struct pkt *p, struct rte_mbuf *m) {
	p->m = m;
	p->session = NULL;
	p->arg = 0;
	p->flags = 0;
	p->verdict = VERDICT_NONE;
	p->dir = 0;
	p->asked = 0;
	p->tcp_flags = 0;
	p->tag = 0;
}

static __rte_always_inline void plain_set(
	struct pkt *p, uint32_t ip_len, uint32_t l4_len, uint8_t proto, uint8_t family
) {
	p->ip_len = (uint16_t)ip_len;
	p->l4_len = (uint16_t)l4_len;
	p->proto = proto;
	p->kind = proto | family;
}

static __rte_always_inline bool plain_ipv4(
	struct pkt *p, struct rte_mbuf *m, const uint8_t *frame
) {
	struct rte_ipv4_hdr *ip = (void *)(uintptr_t)(frame + RTE_ETHER_HDR_LEN);
	const uint32_t room = rte_pktmbuf_data_len(m) - (uint32_t)RTE_ETHER_HDR_LEN;
	uint32_t middle = plain_u32(&ip->fragment_offset), ip_len, l4_len;

	ip_len = rte_be_to_cpu_16(ip->total_length);
	l4_len = ip_len - (uint32_t)sizeof(*ip);
	if (ip_len < sizeof(*ip) + sizeof(struct rte_udp_hdr) || ip_len > room
	    || (middle & rte_cpu_to_be_32((RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK) << 16))
		    != 0
	    || *(const uint8_t *)&ip->dst_addr >= 0xe0
	    || (m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_BAD
	    || !plain_l4(p, ip->next_proto_id, ip + 1, l4_len))
		return false;
	p->ip4 = ip;
	p->l4 = ip + 1;
	p->ttl = ip->time_to_live;
	// Both addresses, and the ports behind them.
	memcpy(&p->key, &ip->src_addr, sizeof(p->key));
	plain_set(p, ip_len, l4_len, ip->next_proto_id, 0);
	return true;
}

// Addresses of ::/64, among which are the mapped ones, are looked at closer than this.
static __rte_always_inline bool plain_ipv6(
	struct pkt *p, struct rte_mbuf *m, const uint8_t *frame
) {
	struct rte_ipv6_hdr *ip = (void *)(uintptr_t)(frame + RTE_ETHER_HDR_LEN);
	const uint8_t *addrs = (const uint8_t *)ip + PKT_ADDRS6_AT;
	const uint32_t room = rte_pktmbuf_data_len(m) - (uint32_t)RTE_ETHER_HDR_LEN;
	uint32_t l4_len = rte_be_to_cpu_16(ip->payload_len);
	uint32_t ip_len = l4_len + (uint32_t)sizeof(*ip);

	if (l4_len < sizeof(struct rte_udp_hdr) || ip_len > room || ip_len > UINT16_MAX
	    || plain_u64(addrs) == 0 || plain_u64(addrs + IP6_BYTES) == 0
	    || addrs[IP6_BYTES] == 0xff || !plain_l4(p, ip->proto, ip + 1, l4_len))
		return false;
	p->ip6 = ip;
	p->l4 = ip + 1;
	p->ttl = ip->hop_limits;
	p->key = (struct flow_key){0};
	memcpy(&p->key.sport_be, ip + 1, sizeof(p->key.sport_be) + sizeof(p->key.dport_be));
	plain_set(p, ip_len, l4_len, ip->proto, KIND_V6);
	return true;
}

// Whether a frame of a port without tag is plain; then all of *p is set but what a look-up sets. *p is undefined otherwise.
static __rte_always_inline bool plain(struct pkt *p, struct rte_mbuf *m) {
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	const uint32_t v4 = rte_cpu_to_be_32(RTE_ETHER_TYPE_IPV4 << 16 | RTE_IPV4_VHL_DEF << 8);
	const uint32_t v6 = rte_cpu_to_be_32((uint32_t)RTE_ETHER_TYPE_IPV6 << 16 | 0x6000);
	uint32_t type, len = rte_pktmbuf_data_len(m);

	if (unlikely(len < PLAIN_LEAST || frame[0] & RTE_ETHER_GROUP_ADDR))
		return false;
	plain_begin(p, m);
	type = plain_u32(frame + PLAIN_TYPE_AT);
	if (likely((type & rte_cpu_to_be_32(0xffffff00)) == v4))
		return plain_ipv4(p, m, frame);
	return (type & rte_cpu_to_be_32(0xfffff000)) == v6 && len >= PLAIN_LEAST6
		&& plain_ipv6(p, m, frame);
}
