// SPDX-License-Identifier: BSD-3-Clause

#include "path/icmp_quote.h"

#include "path/ext_header.h"
#include "path/icmp_head.h"

#include <rte_common.h>
#include <rte_ip.h>
#include <rte_udp.h>

// Bytes of the quotation: in the first segment, and in all.
struct room {
	uint32_t first;
	uint32_t all;
};

enum { EXTENDED = 128 }; // bytes that an error with an extension quotes at least (RFC 4884, 3)

// What stands behind the quotation where there is an extension structure, which tells so (RFC 4884, 4), is not part of it.
static uint32_t quoted_bytes(const struct pkt *p) {
	const uint8_t *head = p->l4;
	uint32_t all = p->l4_len - (uint32_t)sizeof(struct icmp_head);
	uint32_t told = head[5] * 4u;

	if (pkt_is_v6(p))
		told = head[0] == ICMP6_UNREACHABLE || head[0] == ICMP6_TIME_EXCEEDED ? head[4] * 8u
										      : 0;
	return told >= EXTENDED && told < all ? told : all;
}

static bool refuse(struct pkt *p) {
	pkt_drop(p, SLB_DROP_ICMP);
	return false;
}

// Whether the quotation has so many bytes, where they can be read.
static bool reaches(struct pkt *p, struct room room, uint32_t needed) {
	if (needed <= room.first)
		return true;
	pkt_drop(p, needed <= room.all ? SLB_DROP_MULTI_SEGMENT : SLB_DROP_ICMP);
	return false;
}

static bool read_ipv4(struct pkt *p, struct quote *q, struct room room) {
	const struct rte_ipv4_hdr *ip = q->ip4;

	if (!reaches(p, room, sizeof(*ip)))
		return false;
	q->header = (ip->version_ihl & RTE_IPV4_HDR_IHL_MASK) * RTE_IPV4_IHL_MULTIPLIER;
	q->ip_len = rte_be_to_cpu_16(ip->total_length);
	if (ip->version_ihl >> 4 != 4 || q->header < sizeof(*ip)
	    || (ip->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_OFFSET_MASK)) != 0)
		return refuse(p);
	q->kind = ip->next_proto_id;
	q->ttl = ip->time_to_live;
	q->tos = ip->type_of_service;
	q->key.src_be = ip->dst_addr;
	q->key.dst_be = ip->src_addr;
	return q->key.dst_be == p->key.dst_be || refuse(p);
}

static bool read_ipv6(struct pkt *p, struct quote *q, struct room room) {
	const struct rte_ipv6_hdr *ip = q->ip6;
	const uint8_t *addrs = (const uint8_t *)ip + PKT_ADDRS6_AT,
		      *next = (const uint8_t *)(ip + 1);
	struct ext_walk walk;
	uint32_t len;

	if (!reaches(p, room, sizeof(*ip)))
		return false;
	len = sizeof(*ip) + rte_be_to_cpu_16(ip->payload_len);
	if (*(const uint8_t *)ip >> 4 != 6 || len > UINT16_MAX)
		return refuse(p);
	walk = ext_walk(ip->proto, next, RTE_MIN(len, room.first) - sizeof(*ip));
	if (walk.wrong && RTE_MIN(len, room.all) > room.first) {
		pkt_drop(p, SLB_DROP_MULTI_SEGMENT);
		return false;
	}
	if (walk.wrong || walk.proto >= KIND_V6 || ext_is_later(next, &walk))
		return refuse(p);
	q->header = (uint16_t)(sizeof(*ip) + walk.len);
	q->ip_len = (uint16_t)len;
	q->kind = walk.proto | KIND_V6;
	q->ttl = ip->hop_limits;
	q->tos = (uint8_t)(rte_be_to_cpu_32(ip->vtc_flow) >> 20);
	memcpy(q->addrs6, addrs + IP6_BYTES, IP6_BYTES);
	memcpy(q->addrs6 + IP6_BYTES, addrs, IP6_BYTES);
	return memcmp(addrs, pkt_addrs6(p) + IP6_BYTES, IP6_BYTES) == 0 || refuse(p);
}

static bool read_l4(struct pkt *p, struct quote *q, struct room room) {
	const struct rte_udp_hdr *udp; // TCP's ports are in the same places
	uint8_t proto = q->kind & (uint8_t)~KIND_V6;
	uint32_t changed = QUOTED_L4;

	if ((proto != SLB_PROTO_TCP && proto != SLB_PROTO_UDP) || q->ip_len < q->header + QUOTED_L4)
		return refuse(p);
	if (!reaches(p, room, q->header + QUOTED_L4))
		return false;
	q->l4_there = (uint16_t)(RTE_MIN(q->ip_len, room.all) - q->header);
	if (proto == SLB_PROTO_TCP && q->l4_there >= TCP_CSUM_END)
		changed = TCP_CSUM_END;
	q->l4 = (uint8_t *)q->ip4 + q->header;
	udp = q->l4;
	q->key.sport_be = udp->dst_port;
	q->key.dport_be = udp->src_port;
	return reaches(p, room, q->header + changed);
}

bool quote_read(struct pkt *p, struct quote *q) {
	uint8_t *quoted = (uint8_t *)p->l4 + sizeof(struct icmp_head);
	const uint8_t *end = rte_pktmbuf_mtod_offset(p->m, const uint8_t *, p->m->data_len);
	struct room room = {.all = quoted_bytes(p)};

	room.first = RTE_MIN((uint32_t)(end - quoted), room.all);
	*q = (struct quote){.ip4 = (void *)quoted, .there = (uint16_t)room.all};
	return (pkt_is_v6(p) ? read_ipv6(p, q, room) : read_ipv4(p, q, room))
		&& read_l4(p, q, room);
}
