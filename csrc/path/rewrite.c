// SPDX-License-Identifier: BSD-3-Clause

#include "path/rewrite.h"

#include "path/client_address.h"
#include "path/csum.h"
#include "path/nat.h"
#include "path/syn_shift.h"
#include "path/tcp_number.h"
#include "path/tcp_option.h"
#include "path/translate.h"
#include "path/vlan.h"

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <rte_udp.h>
#include <string.h>

static uint32_t shift_extras(const struct core *c, struct pkt *p) {
	uint32_t sum = tcp_shift(p->session, p);

	if (p->session->extras & SESSION_SYN_PROXY)
		sum += syn_shift(c, p);
	return sum;
}

static void rewrite_tcp(
	const struct core *c, struct pkt *p, const struct flow_key *to, uint32_t delta
) {
	struct rte_tcp_hdr *tcp = p->l4;

	if (likely(p->session->extras == 0)) {
		nat_tcp(p->session, p, to, delta);
		return;
	}
	nat_ports(tcp, to);
	tcp->cksum = csum_apply(tcp->cksum, delta + shift_extras(c, p));
}

// The device sums what it sends from the UDP header on, and begins with what stands in the checksum's place.
static void leave_to_device(const struct core *c, struct pkt *p, uint32_t pseudo) {
	struct rte_udp_hdr *udp = p->l4;

	p->m->l2_len = RTE_ETHER_HDR_LEN + (c->vlan_be[p->arg] != 0 ? VLAN_TAG : 0);
	p->m->l3_len = (uint8_t *)p->l4 - (uint8_t *)p->ip6;
	p->m->ol_flags |= RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_UDP_CKSUM;
	udp->dgram_cksum = csum_fold(pseudo);
}

// An IPv6 datagram must have a checksum, so one without gets it when it becomes IPv6.
static __rte_noinline void checksum_udp6(const struct core *c, struct pkt *p) {
	struct rte_udp_hdr *udp = p->l4;
	uint32_t at = (uint32_t)((uint8_t *)p->l4 - rte_pktmbuf_mtod(p->m, uint8_t *));
	uint32_t pseudo = csum_sum(pkt_addrs6(p), 2 * IP6_BYTES) + udp->dgram_len
		+ rte_cpu_to_be_16(SLB_PROTO_UDP);

	// A device would also sum what the packet has behind the datagram, and sees but one piece of one that is cut.
	if (c->udp_offload[p->arg] && !(p->flags & PKT_SPLIT)
	    && rte_be_to_cpu_16(udp->dgram_len) == p->l4_len) {
		leave_to_device(c, p, pseudo);
		return;
	}
	udp->dgram_cksum = csum_apply(
		0xffff, csum_packet(p->m, at, rte_be_to_cpu_16(udp->dgram_len)) + pseudo
	);
	if (udp->dgram_cksum == 0)
		udp->dgram_cksum = 0xffff;
}

// False: dropped.
static inline bool rewrite_ip(struct pkt *p, const struct flow_key *to, uint16_t turn) {
	const struct session *s = p->session;

	if (unlikely(s->kind[DIR_IN] != s->kind[DIR_OUT]))
		return translate(p);
	if (pkt_is_v6(p))
		nat_ipv6(p, s);
	else
		nat_ipv4(p->ip4, to, s->ip_delta ^ turn);
	return true;
}

static void rewrite_one(struct core *c, struct pkt *p) {
	const struct session *s = p->session;
	const struct hop *hop = &c->fwd->hops[s->hop[p->dir]];
	const struct flow_key *to = nat_to(s, p->dir);
	uint16_t turn = nat_turn(p->dir);
	bool was_v6 = pkt_is_v6(p);

	if (unlikely(s->extras != 0) && !client_address_put(c, p))
		return;
	if (!rewrite_ip(p, to, turn))
		return;
	if (unlikely(p->flags & PKT_LATER)) {
		// It has no L4 header.
	} else if (p->proto == SLB_PROTO_TCP) {
		rewrite_tcp(c, p, to, s->l4_delta ^ turn);
		if (unlikely(p->tcp_flags & RTE_TCP_SYN_FLAG))
			tcp_clamp_mss(c, p);
	} else {
		nat_udp(p->l4, to, s->l4_delta ^ turn);
		if (unlikely(pkt_is_v6(p) && !was_v6)
		    && ((const struct rte_udp_hdr *)p->l4)->dgram_cksum == 0)
			checksum_udp6(c, p);
	}
	nat_macs(p->m, hop);
}

void rewrite(struct core *c, struct burst *b) {
	for (uint16_t i = 0; i < b->n_live; i++) {
		struct pkt *p = &b->pkts[b->live[i]];
		if (p->verdict == VERDICT_TX)
			rewrite_one(c, p);
	}
}
