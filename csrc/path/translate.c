// SPDX-License-Identifier: BSD-3-Clause
// What one family has no word for is lost: IPv4 options and IPv6 extension headers, as RFC 7915, 4.1 and 5.1 want it. A
// packet that may not lose them, because it is source routed, is dropped. What makes a fragment is carried over (4.1, 5.1.1).

#include "path/translate.h"

#include "path/frag_header.h"
#include "path/ip_header.h"
#include "path/mbuf_edit.h"
#include "path/session.h"

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_udp.h>

enum {
	PROTO_FRAGMENT = 44,
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_LSRR = 131,
	OPTION_SSRR = 137,
	// Up to this length an IPv4 packet made from an IPv6 one may be fragmented on its way (RFC 7915, 5.1).
	MAY_FRAGMENT = 1260,
};

uint32_t translated_len(const struct pkt *p) {
	if (pkt_is_v6(p))
		return p->l4_len + (uint32_t)IP4_HEADER;
	return p->l4_len + (uint32_t)IP6_HEADER
		+ (p->flags & PKT_FRAGMENT ? (uint32_t)FRAG_EXT_BYTES : 0);
}

bool translated_stays_whole(uint32_t len) {
	return len > MAY_FRAGMENT;
}

// Makes room for a new IP header of `len` bytes before the L4 header; the Ethernet header moves along.
static void *replace_header(struct pkt *p, uint32_t len, uint16_t ether_type) {
	uint32_t was = (uint32_t)((uint8_t *)p->l4 - (uint8_t *)p->ip4);
	void *ip = mbuf_replace(p->m, RTE_ETHER_HDR_LEN, was, len);

	if (ip != NULL)
		rte_pktmbuf_mtod(p->m, struct rte_ether_hdr *)->ether_type =
			rte_cpu_to_be_16(ether_type);
	return ip;
}

// Source routing that is not yet done, or options that cannot be read.
static bool source_routed(const struct rte_ipv4_hdr *ip, uint32_t options) {
	const uint8_t *at = (const uint8_t *)(ip + 1);

	for (uint32_t i = 0, len; i < options && at[i] != OPTION_END; i += len) {
		if (at[i] == OPTION_NOP) {
			len = 1;
			continue;
		}
		if (options - i < 2 || at[i + 1] < 2 || at[i + 1] > options - i)
			return true;
		len = at[i + 1];
		if ((at[i] == OPTION_LSRR || at[i] == OPTION_SSRR) && (len < 3 || at[i + 2] <= len))
			return true;
	}
	return false;
}

static bool to_v6(struct pkt *p) {
	const struct session *s = p->session;
	struct rte_ipv4_hdr *old = p->ip4;
	uint32_t options = (uint32_t)((uint8_t *)p->l4 - (uint8_t *)(old + 1));
	bool in_parts = (p->flags & (PKT_FRAGMENT | PKT_SPLIT)) != 0;
	uint16_t ext = in_parts ? FRAG_EXT_BYTES : 0;
	struct frag_fields place = frag_fields(p);
	struct ip_fields fields = {
		.len = p->l4_len + ext,
		.tos = old->type_of_service,
		.ttl = p->ttl - 1,
		.proto = in_parts ? PROTO_FRAGMENT : p->proto,
	};
	struct rte_ipv6_hdr *ip;

	// IPv6 has no header checksum, so a wrong one would be forgotten; and no checksum of UDP can be made from fragments.
	if (csum_fold(csum_sum(old, IP4_HEADER + options)) != 0xffff
	    || (options > 0 && source_routed(old, options)) || p->flags & PKT_BARE)
		return false;
	ip = replace_header(p, IP6_HEADER + ext, RTE_ETHER_TYPE_IPV6);
	if (ip == NULL)
		return false;
	ip_header_v6(
		ip, fields, session_addrs(s)->addr[!p->dir][1], session_addrs(s)->addr[!p->dir][0]
	);
	if (in_parts)
		frag_put_ext(ip + 1, p->proto, place);
	p->ip6 = ip;
	p->kind |= KIND_V6;
	return true;
}

// The identification only matters where the packet may be fragmented; the checksum of the transport varies enough from
// packet to packet to make one that seldom comes again soon.
static uint16_t identification(const struct pkt *p) {
	uint32_t at = p->proto == SLB_PROTO_TCP ? 16 : p->proto == SLB_PROTO_UDP ? 6 : 2;
	uint16_t id;

	memcpy(&id, (const uint8_t *)p->l4 + at, sizeof(id));
	return id;
}

// Zero means "no checksum" in IPv4; in IPv6 it means a packet that must not be.
static bool is_bare(const struct pkt *p) {
	const struct rte_udp_hdr *udp = p->l4;

	if (p->flags & PKT_FRAGMENT)
		return (p->flags & PKT_BARE) != 0;
	return p->proto == SLB_PROTO_UDP && udp->dgram_cksum == 0;
}

static void number_whole(const struct pkt *p, struct ip_fields *f) {
	// What was put into it may have made it longer.
	f->whole = !(p->flags & PKT_SPLIT) && translated_stays_whole((uint32_t)IP4_HEADER + f->len);
	if (!f->whole)
		f->id_be = identification(p);
}

static void number_fragment(const struct pkt *p, struct ip_fields *f) {
	struct frag_fields place = frag_fields(p);

	f->id_be = rte_cpu_to_be_16((uint16_t)place.id);
	f->place = (uint16_t)(place.from / RTE_IPV4_HDR_OFFSET_UNITS
			      | (place.more ? RTE_IPV4_HDR_MF_FLAG : 0));
}

static bool to_v4(struct pkt *p) {
	const struct flow_key *to = &p->session->key[!p->dir];
	struct ip_fields fields = {
		.len = p->l4_len,
		.tos = (uint8_t)(rte_be_to_cpu_32(p->ip6->vtc_flow) >> 20),
		.ttl = p->ttl - 1,
		.proto = p->proto,
	};
	struct rte_ipv4_hdr *ip;

	if (is_bare(p))
		return false;
	if (p->flags & PKT_FRAGMENT)
		number_fragment(p, &fields);
	else
		number_whole(p, &fields);
	ip = replace_header(p, IP4_HEADER, RTE_ETHER_TYPE_IPV4);
	if (ip == NULL)
		return false;
	ip_header_v4(ip, fields, to->dst_be, to->src_be);
	p->ip4 = ip;
	p->kind &= (uint8_t)~KIND_V6;
	return true;
}

bool translate(struct pkt *p) {
	if (pkt_is_v6(p) ? to_v4(p) : to_v6(p))
		return true;
	pkt_drop(p, SLB_DROP_UNTRANSLATABLE);
	return false;
}
