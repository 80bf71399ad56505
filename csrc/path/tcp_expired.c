// SPDX-License-Identifier: BSD-3-Clause

#include "path/tcp_expired.h"

#include "path/forward.h"
#include "path/proxy_protocol.h"
#include "path/rst.h"
#include "path/tcp_state.h"
#include "path/vlan.h"

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_tcp.h>

static struct acks *acks_of(const struct core *c, const struct session *s) {
	return &c->acks[s - c->sessions.entries];
}

void tcp_keep_ack(struct core *c, const struct pkt *p) {
	struct acks *acks = acks_of(c, p->session);

	if (!(p->tcp_flags & RTE_TCP_ACK_FLAG))
		return;
	acks->last[p->dir] = rte_be_to_cpu_32(((const struct rte_tcp_hdr *)p->l4)->recv_ack);
	acks->known[p->dir] = true;
}

// To the end whose packets arrive in this direction, as if its peer sent it. What the RS acknowledges it counts in the
// shifted numbers of the client, and with what stands before its data.
static uint32_t as_client_counts(const struct core *c, const struct session *s, uint32_t ack) {
	return ack - proxy_counted(c, s, ack) - s->seq_delta;
}

static struct rst to_sender(const struct core *c, const struct session *s, enum direction of) {
	const struct acks *acks = acks_of(c, s);
	uint32_t ack = acks->last[!of];

	if (of == DIR_IN && acks->known[!of])
		ack = as_client_counts(c, s, ack);
	return (struct rst){
		.src = session_dst(s, of),
		.dst = session_src(s, of),
		.sport_be = s->key[of].dport_be,
		.dport_be = s->key[of].sport_be,
		.seq = acks->last[of],
		.ack = ack,
		.acks = acks->known[!of],
	};
}

static bool write_frame(struct rte_mbuf *m, const struct hop *hop, const struct rst *rst) {
	uint16_t type = ipaddr_is_v4(rst->dst) ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6;
	struct rte_ether_hdr *eth =
		(void *)rte_pktmbuf_append(m, (uint16_t)(sizeof(*eth) + rst_len(rst)));

	if (eth == NULL)
		return false;
	memcpy(&eth->dst_addr, hop->dst_mac, sizeof(eth->dst_addr));
	memcpy(&eth->src_addr, hop->src_mac, sizeof(eth->src_addr));
	eth->ether_type = rte_cpu_to_be_16(type);
	rst_write(eth + 1, rst);
	return true;
}

static void tell(struct core *c, struct session *s, enum direction of) {
	const struct hop *hop = forward_hop(c, s, !of);
	struct rst rst = to_sender(c, s, of);
	struct rte_mbuf *m;

	if (!acks_of(c, s)->known[of] || hop->state != HOP_READY)
		return;
	m = extra_spare(&c->extra);
	if (m == NULL) {
		core_count_drop(c, SLB_DROP_NO_MBUF);
		return;
	}
	if (!write_frame(m, hop, &rst)
	    || (c->vlan_be[hop->port] != 0 && !vlan_push(m, c->vlan_be[hop->port]))
	    || !extra_send(&c->extra, m, hop->port))
		rte_pktmbuf_free(m);
}

void tcp_tell_late(struct core *c, const struct pkt *p) {
	if (c->acks == NULL || p->proto != SLB_PROTO_TCP)
		return;
	tcp_keep_ack(c, p);
	tcp_tell_ends(c, p->session);
}

void tcp_tell_ends(struct core *c, struct session *s) {
	if (c->acks == NULL || !tcp_is_open(s->state))
		return;
	tell(c, s, DIR_IN);
	tell(c, s, DIR_OUT);
}
