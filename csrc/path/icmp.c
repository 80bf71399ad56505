// SPDX-License-Identifier: BSD-3-Clause

#include "path/icmp.h"

#include "path/csum.h"

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

enum { ICMP_ECHO_REPLY = 0, ICMP_ECHO_REQUEST = 8, ECHO_TTL = 64 };

static void answer_echo(struct pkt *p) {
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(p->m, struct rte_ether_hdr *);
	struct rte_ether_addr mac = eth->dst_addr;
	struct rte_ipv4_hdr *ip = p->ip;
	struct rte_icmp_hdr *echo = p->l4;
	uint16_t type_code_be = rte_cpu_to_be_16(ICMP_ECHO_REQUEST << 8);
	uint16_t ttl_proto;
	uint16_t answer_ttl_proto = rte_cpu_to_be_16(ECHO_TTL << 8 | SLB_PROTO_ICMP);

	// Swapping the addresses leaves both checksums as they are.
	ip->dst_addr = p->key.src_be;
	ip->src_addr = p->key.dst_be;
	ttl_proto = rte_cpu_to_be_16((uint16_t)(ip->time_to_live << 8 | ip->next_proto_id));
	ip->hdr_checksum =
		csum_apply(ip->hdr_checksum, csum_replace16(ttl_proto, answer_ttl_proto));
	ip->time_to_live = ECHO_TTL;
	echo->icmp_type = ICMP_ECHO_REPLY;
	echo->icmp_cksum = csum_apply(echo->icmp_cksum, csum_replace16(type_code_be, 0));
	eth->dst_addr = eth->src_addr;
	eth->src_addr = mac;
	pkt_decide(p, VERDICT_TX, p->m->port);
}

void icmp(struct core *c, struct pkt *p) {
	const struct rte_icmp_hdr *header = p->l4;
	bool echo = header->icmp_type == ICMP_ECHO_REQUEST && header->icmp_code == 0;
	bool ours = vs_is_vip(c->vs_index, p->key.dst_be)
		|| owner_find(c->owners, p->key.dst_be) != OWNER_NONE;

	if (fwd_is_own(c->fwd, p->key.dst_be))
		pkt_decide(p, VERDICT_PUNT, PUNT_OTHER);
	else if (ours && core_bad_source(c, p->key.src_be))
		pkt_drop(p, SLB_DROP_BAD_SOURCE);
	else if (ours && echo)
		answer_echo(p);
	else
		pkt_drop(p, ours ? SLB_DROP_ICMP : SLB_DROP_NOT_FOR_US);
}
