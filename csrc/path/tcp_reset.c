// SPDX-License-Identifier: BSD-3-Clause

#include "path/tcp_reset.h"

#include "path/csum.h"
#include "path/punt.h"
#include "path/segment.h"

#include <rte_byteorder.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>

static uint32_t pseudo_sum(const struct pkt *p) {
	uint32_t addrs = pkt_is_v6(p) ? csum_sum(pkt_addrs6(p), 2 * IP6_BYTES)
				      : csum_sum32(p->key.src_be) + csum_sum32(p->key.dst_be);

	return addrs + rte_cpu_to_be_16(p->l4_len) + rte_cpu_to_be_16(SLB_PROTO_TCP);
}

bool tcp_is_whole(const struct pkt *p) {
	uint32_t at = (uint32_t)((uint8_t *)p->l4 - rte_pktmbuf_mtod(p->m, uint8_t *));

	return csum_fold(csum_packet(p->m, at, p->l4_len) + pseudo_sum(p)) == 0xffff;
}

static bool may_be_answered(const struct core *c, const struct pkt *p) {
	const uint8_t kinds =
		RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG | RTE_TCP_RST_FLAG | RTE_TCP_FIN_FLAG;

	return (p->tcp_flags & RTE_TCP_RST_FLAG) == 0 && (p->tcp_flags & kinds) != RTE_TCP_SYN_FLAG
		&& !core_bad_source(c, pkt_src(p)) && tcp_is_whole(p);
}

static struct segment answer(const struct pkt *p) {
	const struct rte_tcp_hdr *tcp = p->l4;
	uint32_t len = p->l4_len - (tcp->data_off >> 4) * 4u;
	struct segment rst = segment_against(p);

	len += (tcp->tcp_flags & RTE_TCP_SYN_FLAG) != 0;
	len += (tcp->tcp_flags & RTE_TCP_FIN_FLAG) != 0;
	rst.flags = RTE_TCP_RST_FLAG;
	if (tcp->tcp_flags & RTE_TCP_ACK_FLAG) {
		rst.seq = rte_be_to_cpu_32(tcp->recv_ack);
	} else {
		rst.flags |= RTE_TCP_ACK_FLAG;
		rst.ack = rte_be_to_cpu_32(tcp->sent_seq) + len;
	}
	return rst;
}

static void turn(struct core *c, struct pkt *p, enum slb_drop reason) {
	struct segment rst = answer(p);

	core_count_drop(c, reason);
	segment_answer(p, &rst);
}

void tcp_reset(struct core *c, struct pkt *p, enum slb_drop reason) {
	if (may_be_answered(c, p) && punt_meter_take(&c->resets, c->now))
		turn(c, p, reason);
	else
		pkt_drop(p, reason);
}

void tcp_reset_session(struct core *c, struct pkt *p, enum slb_drop reason) {
	if (may_be_answered(c, p))
		turn(c, p, reason);
	else
		pkt_drop(p, reason);
}

void tcp_refuse(struct core *c, struct pkt *p, enum slb_drop reason) {
	if (c->reset_no_session)
		tcp_reset(c, p, reason);
	else
		pkt_drop(p, reason);
}
