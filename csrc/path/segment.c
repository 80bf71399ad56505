// SPDX-License-Identifier: BSD-3-Clause

#include "path/segment.h"

#include "path/forward.h"
#include "path/ip_header.h"
#include "path/mbuf_edit.h"
#include "path/nat.h"
#include "path/vlan.h"

#include <rte_byteorder.h>
#include <rte_ether.h>

static uint16_t tcp_len(const struct segment *g) {
	return (uint16_t)(sizeof(struct rte_tcp_hdr) + g->n_options);
}

static uint16_t ip_header_len(const struct segment *g) {
	return ipaddr_is_v4(g->dst) ? IP4_HEADER : IP6_HEADER;
}

struct segment segment_of(const struct session *s, enum direction dir, bool back) {
	const struct flow_key *key = &s->key[dir];
	struct ipaddr src = session_src(s, dir), dst = session_dst(s, dir);

	return (struct segment){
		.src = back ? dst : src,
		.dst = back ? src : dst,
		.sport_be = back ? key->dport_be : key->sport_be,
		.dport_be = back ? key->sport_be : key->dport_be,
		.ttl = SEGMENT_TTL,
	};
}

struct segment segment_against(const struct pkt *p) {
	const struct rte_tcp_hdr *tcp = p->l4;

	return (struct segment){
		.src = pkt_dst(p),
		.dst = pkt_src(p),
		.sport_be = tcp->dst_port,
		.dport_be = tcp->src_port,
		.ttl = SEGMENT_TTL,
	};
}

// The sum of the pseudo header, with the IP header written.
static uint32_t write_ip(uint8_t *at, const struct segment *g) {
	const struct ip_fields fields = {
		.len = tcp_len(g), .ttl = g->ttl, .proto = SLB_PROTO_TCP, .whole = true
	};
	uint32_t pseudo = rte_cpu_to_be_16(fields.len) + rte_cpu_to_be_16(SLB_PROTO_TCP);
	uint32_t src_be = ipaddr_v4_be(g->src), dst_be = ipaddr_v4_be(g->dst);
	uint8_t addrs[2][IP6_BYTES];

	if (ipaddr_is_v4(g->dst)) {
		ip_header_v4(at, fields, src_be, dst_be);
		return pseudo + csum_sum32(src_be) + csum_sum32(dst_be);
	}
	ipaddr_v6_bytes(g->src, addrs[0]);
	ipaddr_v6_bytes(g->dst, addrs[1]);
	ip_header_v6(at, fields, addrs[0], addrs[1]);
	return pseudo + csum_sum(addrs, sizeof(addrs));
}

static void write_segment(uint8_t *at, const struct segment *g) {
	uint32_t sum = write_ip(at, g);
	struct rte_tcp_hdr tcp = {
		.src_port = g->sport_be,
		.dst_port = g->dport_be,
		.sent_seq = rte_cpu_to_be_32(g->seq),
		.recv_ack = rte_cpu_to_be_32(g->ack),
		.data_off = (uint8_t)(tcp_len(g) / 4 << 4),
		.tcp_flags = g->flags,
		.rx_win = rte_cpu_to_be_16(g->window),
	};

	sum += csum_sum(&tcp, sizeof(tcp)) + csum_sum(g->options, g->n_options);
	tcp.cksum = csum_apply(0xffff, sum);
	at += ip_header_len(g);
	memcpy(at, &tcp, sizeof(tcp));
	memcpy(at + sizeof(tcp), g->options, g->n_options);
}

bool segment_put(struct pkt *p, const struct segment *g) {
	uint32_t front = (uint32_t)((uint8_t *)p->ip4 - rte_pktmbuf_mtod(p->m, uint8_t *));
	uint8_t *at;

	mbuf_cut(p->m, front);
	p->l4_len = tcp_len(g);
	p->ip_len = ip_header_len(g) + p->l4_len;
	at = (uint8_t *)rte_pktmbuf_append(p->m, p->ip_len);
	if (at == NULL) {
		pkt_drop(p, SLB_DROP_NO_MBUF);
		return false;
	}
	write_segment(at, g);
	p->l4 = at + ip_header_len(g);
	p->tcp_flags = g->flags;
	return true;
}

void segment_answer(struct pkt *p, const struct segment *g) {
	if (!segment_put(p, g))
		return;
	mbuf_turn_macs(p->m);
	pkt_decide(p, VERDICT_TX, p->m->port);
}

static bool write_frame(struct rte_mbuf *m, const struct hop *hop, const struct segment *g) {
	uint16_t type = ipaddr_is_v4(g->dst) ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6;
	uint16_t len = (uint16_t)(RTE_ETHER_HDR_LEN + ip_header_len(g) + tcp_len(g));
	struct rte_ether_hdr *eth = (void *)rte_pktmbuf_append(m, len);

	if (eth == NULL)
		return false;
	eth->ether_type = rte_cpu_to_be_16(type);
	nat_macs(m, hop);
	write_segment((uint8_t *)(eth + 1), g);
	return true;
}

void segment_send(struct core *c, struct session *s, enum direction dir, const struct segment *g) {
	const struct hop *hop = forward_hop(c, s, dir);
	struct rte_mbuf *m;

	if (hop->state != HOP_READY)
		return;
	m = extra_spare(&c->extra);
	if (m == NULL) {
		core_count_drop(c, SLB_DROP_NO_MBUF);
		return;
	}
	if (!write_frame(m, hop, g)
	    || (c->vlan_be[hop->port] != 0 && !vlan_push(m, c->vlan_be[hop->port]))
	    || !extra_send(&c->extra, m, hop->port))
		mbuf_free(m);
}
