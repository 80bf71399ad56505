// SPDX-License-Identifier: BSD-3-Clause
// What one family has no word for is lost: IPv4 options and IPv6 extension headers, as RFC 7915, 4.1 and 5.1 want it. A
// packet that may not lose them, because it is source routed, is dropped. Fragments are not translated here.

#include "path/translate.h"

#include "path/csum.h"
#include "path/session.h"

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_udp.h>

enum {
	IP4_BYTES = sizeof(struct rte_ipv4_hdr),
	IP6_HEADER = sizeof(struct rte_ipv6_hdr),
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_LSRR = 131,
	OPTION_SSRR = 137,
	// Up to this length an IPv4 packet made from an IPv6 one may be fragmented on its way (RFC 7915, 5.1).
	MAY_FRAGMENT = 1260,
};

uint32_t translated_len(const struct pkt *p) {
	return p->l4_len + (pkt_is_v6(p) ? (uint32_t)IP4_BYTES : (uint32_t)IP6_HEADER);
}

// Makes room for a new IP header of `len` bytes before the L4 header; the Ethernet header moves along.
static void *replace_header(struct pkt *p, uint32_t len, uint16_t ether_type) {
	struct rte_ether_hdr eth = *rte_pktmbuf_mtod(p->m, const struct rte_ether_hdr *);
	uint8_t *start = (uint8_t *)p->l4 - len - sizeof(eth);
	int32_t grow = (int32_t)(rte_pktmbuf_mtod(p->m, uint8_t *) - start);

	if (grow > 0 && rte_pktmbuf_prepend(p->m, (uint16_t)grow) == NULL)
		return NULL;
	if (grow < 0)
		rte_pktmbuf_adj(p->m, (uint16_t)-grow);
	eth.ether_type = rte_cpu_to_be_16(ether_type);
	memcpy(start, &eth, sizeof(eth));
	return start + sizeof(eth);
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
	uint8_t tos = old->type_of_service, *addrs;
	struct rte_ipv6_hdr *ip;

	// IPv6 has no header checksum, so a wrong one would be forgotten.
	if (csum_fold(csum_sum(old, IP4_BYTES + options)) != 0xffff
	    || (options > 0 && source_routed(old, options)))
		return false;
	ip = replace_header(p, IP6_HEADER, RTE_ETHER_TYPE_IPV6);
	if (ip == NULL)
		return false;
	ip->vtc_flow = rte_cpu_to_be_32(6u << 28 | (uint32_t)tos << 20);
	ip->payload_len = rte_cpu_to_be_16(p->l4_len);
	ip->proto = p->proto;
	ip->hop_limits = p->ttl - 1;
	addrs = (uint8_t *)ip + PKT_ADDRS6_AT;
	memcpy(addrs, session_addrs(s)->addr[!p->dir][1], IP6_BYTES);
	memcpy(addrs + IP6_BYTES, session_addrs(s)->addr[!p->dir][0], IP6_BYTES);
	p->ip6 = ip;
	p->kind |= KIND_V6;
	return true;
}

// The identification only matters where the packet may be fragmented; the checksum of the transport varies enough from
// packet to packet to make one that seldom comes again soon.
static uint16_t identification(const struct pkt *p) {
	uint16_t id;

	memcpy(&id, (const uint8_t *)p->l4 + (p->proto == SLB_PROTO_TCP ? 16 : 6), sizeof(id));
	return id;
}

static bool to_v4(struct pkt *p) {
	const struct flow_key *to = &p->session->key[!p->dir];
	uint16_t total = (uint16_t)(IP4_BYTES + p->l4_len);
	bool keep_whole = total > MAY_FRAGMENT;
	uint32_t vtc_flow = rte_be_to_cpu_32(p->ip6->vtc_flow);
	struct rte_ipv4_hdr *ip;

	// Zero means "no checksum" in IPv4; in IPv6 it means a packet that must not be.
	if (p->proto == SLB_PROTO_UDP && ((const struct rte_udp_hdr *)p->l4)->dgram_cksum == 0)
		return false;
	ip = replace_header(p, IP4_BYTES, RTE_ETHER_TYPE_IPV4);
	if (ip == NULL)
		return false;
	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.type_of_service = (uint8_t)(vtc_flow >> 20),
		.total_length = rte_cpu_to_be_16(total),
		.packet_id = keep_whole ? 0 : identification(p),
		.fragment_offset = rte_cpu_to_be_16(keep_whole ? RTE_IPV4_HDR_DF_FLAG : 0),
		.time_to_live = p->ttl - 1,
		.next_proto_id = p->proto,
		.src_addr = to->dst_be,
		.dst_addr = to->src_be,
	};
	ip->hdr_checksum = csum_apply(0xffff, csum_sum(ip, sizeof(*ip)));
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
