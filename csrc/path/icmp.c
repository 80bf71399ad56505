// SPDX-License-Identifier: BSD-3-Clause

#include "path/icmp.h"

#include "path/csum.h"
#include "path/icmp_error.h"
#include "path/icmp_head.h"
#include "path/mbuf_edit.h"
#include "path/punt.h"

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

enum { ECHO_REPLY = 0, ECHO_REQUEST = 8, ECHO_REQUEST6 = 128, ECHO_REPLY6 = 129, ECHO_TTL = 64 };

// Swapping addresses leaves every checksum that covers both as it is.
static void turn_ipv4(struct pkt *p) {
	struct rte_ipv4_hdr *ip = p->ip4;
	uint16_t was, is = rte_cpu_to_be_16(ECHO_TTL << 8 | SLB_PROTO_ICMP);

	ip->dst_addr = p->key.src_be;
	ip->src_addr = p->key.dst_be;
	was = rte_cpu_to_be_16((uint16_t)(ip->time_to_live << 8 | ip->next_proto_id));
	ip->hdr_checksum = csum_apply(ip->hdr_checksum, csum_replace16(was, is));
	ip->time_to_live = ECHO_TTL;
}

static void turn_ipv6(struct pkt *p) {
	uint8_t src[IP6_BYTES], *addrs = pkt_addrs6(p);

	memcpy(src, addrs, sizeof(src));
	memcpy(addrs, addrs + IP6_BYTES, IP6_BYTES);
	memcpy(addrs + IP6_BYTES, src, sizeof(src));
	p->ip6->hop_limits = ECHO_TTL;
}

static void turn_message(const struct pkt *p) {
	struct rte_icmp_hdr *echo = p->l4;
	uint8_t reply = pkt_is_v6(p) ? ECHO_REPLY6 : ECHO_REPLY;
	uint16_t was = rte_cpu_to_be_16((uint16_t)(echo->icmp_type << 8));
	uint16_t is = rte_cpu_to_be_16((uint16_t)(reply << 8));

	echo->icmp_type = reply;
	echo->icmp_cksum = csum_apply(echo->icmp_cksum, csum_replace16(was, is));
	// Zero has two spellings, but an answer of nothing but zeros is right with this one only (RFC 1624, 3).
	if (echo->icmp_cksum == 0)
		echo->icmp_cksum = 0xffff;
}

static void answer_echo(struct pkt *p) {
	if (pkt_is_v6(p))
		turn_ipv6(p);
	else
		turn_ipv4(p);
	if (!(p->flags & PKT_LATER))
		turn_message(p);
	mbuf_turn_macs(p->m);
	pkt_decide(p, VERDICT_TX, p->m->port);
}

// Type and code of a fragment's message are in its key.
static bool is_echo(const struct pkt *p) {
	const uint8_t *message =
		p->flags & PKT_FRAGMENT ? (const uint8_t *)&p->key.sport_be : p->l4;

	return message[0] == (pkt_is_v6(p) ? ECHO_REQUEST6 : ECHO_REQUEST) && message[1] == 0;
}

// The kernel speaks neighbour discovery for local addresses on the link. A neighbour that probes whether one is still
// there sends to the address itself; from beyond the link nothing of this comes (RFC 4861, 7.1).
static bool is_discovery(const struct pkt *p) {
	return pkt_is_v6(p) && p->ttl == UINT8_MAX && punt_class(p) == PUNT_ARP;
}

void icmp(struct core *c, struct pkt *p, enum source from) {
	struct ipaddr dst = pkt_dst(p);
	bool local = owner_entry(c->owners, dst) != NULL;
	bool ours = local || vs_is_vip(c->vs_index, dst);

	if (fwd_is_own(c->fwd, dst) || (local && is_discovery(p)))
		pkt_decide(p, VERDICT_PUNT, punt_class(p));
	else if (ours && !(p->flags & PKT_FRAGMENT) && icmp_is_error(p))
		icmp_error(c, p, from);
	else if (ours && core_bad_source(c, pkt_src(p)))
		pkt_drop(p, SLB_DROP_BAD_SOURCE);
	else if (ours && is_echo(p))
		answer_echo(p);
	else
		pkt_drop(p, ours ? SLB_DROP_ICMP : SLB_DROP_NOT_FOR_US);
}
