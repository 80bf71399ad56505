// SPDX-License-Identifier: BSD-3-Clause

#include "path/icmp_make.h"

#include "path/icmp_head.h"
#include "path/ip_header.h"
#include "path/mbuf_edit.h"
#include "path/punt.h"

#include <rte_ether.h>

enum {
	ERROR_TTL = 64,
	ERROR_TOS = 0xc0, // internetwork control (RFC 1812, 4.3.2.5)
	ERROR4_MOST = 576, // bytes (RFC 1812, 4.3.2.3)
	ERROR6_MOST = 1280, // (RFC 4443, 2.4)
};

static bool is_answered(struct core *c, const struct pkt *p) {
	return (p->proto == SLB_PROTO_TCP || p->proto == SLB_PROTO_UDP) && !(p->flags & PKT_LATER)
		&& !core_bad_source(c, pkt_src(p)) && punt_meter_take(&c->errors, c->now);
}

// In front of the packet, which it quotes as much of as it may. False: no room.
static bool put_error(struct pkt *p, struct icmp_head head) {
	bool v6 = pkt_is_v6(p);
	uint32_t header = v6 ? (uint32_t)IP6_HEADER : (uint32_t)IP4_HEADER;
	uint32_t most = (v6 ? ERROR6_MOST : ERROR4_MOST) - header;
	uint16_t len = (uint16_t)RTE_MIN(p->ip_len + (uint32_t)sizeof(head), most);
	struct ip_fields fields = {
		.len = len,
		.tos = v6 ? 0 : ERROR_TOS,
		.ttl = ERROR_TTL,
		.proto = v6 ? SLB_PROTO_ICMP6 : SLB_PROTO_ICMP,
		.whole = true,
	};
	uint8_t *ip = mbuf_replace(p->m, RTE_ETHER_HDR_LEN, 0, header + (uint32_t)sizeof(head));
	struct icmp_head *icmp;

	if (ip == NULL)
		return false;
	icmp = (void *)(ip + header);
	if (v6)
		ip_header_v6(ip, fields, pkt_addrs6(p) + IP6_BYTES, pkt_addrs6(p));
	else
		ip_header_v4(ip, fields, p->key.dst_be, p->key.src_be);
	*icmp = head;
	mbuf_cut(p->m, RTE_ETHER_HDR_LEN + header + len);
	icmp->cksum = csum_apply(0xffff, icmp_sum(p->m, icmp, len, v6 ? ip + PKT_ADDRS6_AT : NULL));
	return true;
}

static void answer(struct core *c, struct pkt *p, struct icmp_head head, enum slb_drop reason) {
	if (!is_answered(c, p) || !put_error(p, head)) {
		pkt_drop(p, reason);
		return;
	}
	mbuf_turn_macs(p->m);
	core_count_drop(c, reason);
	pkt_decide(p, VERDICT_MADE, p->m->port);
}

void icmp_time_exceeded(struct core *c, struct pkt *p) {
	struct icmp_head head = {.type = ICMP4_TIME_EXCEEDED};

	if (pkt_is_v6(p))
		head.type = ICMP6_TIME_EXCEEDED;
	answer(c, p, head, SLB_DROP_TTL);
}

void icmp_too_big(struct core *c, struct pkt *p, uint32_t mtu) {
	struct icmp_head head = {
		.type = ICMP4_UNREACHABLE,
		.code = ICMP4_FRAGMENTATION_NEEDED,
		.more_be = rte_cpu_to_be_32(mtu),
	};

	if (pkt_is_v6(p)) {
		head.type = ICMP6_TOO_BIG;
		head.code = 0;
	}
	answer(c, p, head, SLB_DROP_MTU);
}
