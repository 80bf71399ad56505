// SPDX-License-Identifier: BSD-3-Clause

#include "path/tcp_reset.h"

#include "path/csum.h"
#include "path/mbuf_edit.h"
#include "path/punt.h"
#include "path/rst.h"

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>

static uint32_t pseudo_sum(const struct pkt *p) {
	uint32_t addrs = pkt_is_v6(p) ? csum_sum(pkt_addrs6(p), 2 * IP6_BYTES)
				      : csum_sum32(p->key.src_be) + csum_sum32(p->key.dst_be);

	return addrs + rte_cpu_to_be_16(p->l4_len) + rte_cpu_to_be_16(SLB_PROTO_TCP);
}

// A damaged segment tells nothing of the connection that it names.
static bool is_whole(const struct pkt *p) {
	uint32_t at = (uint32_t)((uint8_t *)p->l4 - rte_pktmbuf_mtod(p->m, uint8_t *));

	return csum_fold(csum_packet(p->m, at, p->l4_len) + pseudo_sum(p)) == 0xffff;
}

static bool is_answered(struct core *c, const struct pkt *p) {
	const uint8_t kinds =
		RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG | RTE_TCP_RST_FLAG | RTE_TCP_FIN_FLAG;

	return c->reset_no_session && (p->tcp_flags & RTE_TCP_RST_FLAG) == 0
		&& (p->tcp_flags & kinds) != RTE_TCP_SYN_FLAG && !core_bad_source(c, pkt_src(p))
		&& is_whole(p) && punt_meter_take(&c->resets, c->now);
}

static struct rst answer(const struct pkt *p) {
	const struct rte_tcp_hdr *tcp = p->l4;
	uint32_t len = p->l4_len - (tcp->data_off >> 4) * 4u;
	struct rst rst = {
		.src = pkt_dst(p),
		.dst = pkt_src(p),
		.sport_be = tcp->dst_port,
		.dport_be = tcp->src_port,
		.acks = (tcp->tcp_flags & RTE_TCP_ACK_FLAG) == 0,
	};

	len += (tcp->tcp_flags & RTE_TCP_SYN_FLAG) != 0;
	len += (tcp->tcp_flags & RTE_TCP_FIN_FLAG) != 0;
	if (rst.acks)
		rst.ack = rte_be_to_cpu_32(tcp->sent_seq) + len;
	else
		rst.seq = rte_be_to_cpu_32(tcp->recv_ack);
	return rst;
}

static void turn(struct pkt *p) {
	const uint8_t *start = rte_pktmbuf_mtod(p->m, const uint8_t *);
	struct rst rst = answer(p);

	mbuf_turn_macs(p->m);
	mbuf_cut(p->m, (uint32_t)((const uint8_t *)rst_write(p->ip4, &rst) - start));
}

void tcp_refuse(struct core *c, struct pkt *p, enum slb_drop reason) {
	if (!is_answered(c, p)) {
		pkt_drop(p, reason);
		return;
	}
	turn(p);
	core_count_drop(c, reason);
	pkt_decide(p, VERDICT_TX, p->m->port);
}
