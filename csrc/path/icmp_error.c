// SPDX-License-Identifier: BSD-3-Clause
// An error takes the way of its session's packets, and becomes what the other end would have got had there been no load
// balancer: from the address that it sent to, and quoting what it sent. The packet quoted is one that went the other
// way, so what translates the error's direction turns the quotation's translation back.

#include "path/icmp_error.h"

#include "path/client_address.h"
#include "path/forward.h"
#include "path/icmp_map.h"
#include "path/icmp_quote.h"
#include "path/ip_header.h"
#include "path/mbuf_edit.h"
#include "path/proxy_protocol.h"
#include "path/nat.h"
#include "path/spread.h"
#include "path/syn_shift.h"
#include "path/tcp_number.h"
#include "path/translate.h"

#include <rte_ether.h>
#include <rte_tcp.h>
#include <rte_udp.h>

enum {
	HEAD = sizeof(struct icmp_head),
	ERROR6_MOST = 1280, // bytes of an ICMPv6 error (RFC 4443, 2.4)
	TCP_FLAGS_END = 14, // bytes of a TCP header
};

static const uint8_t *addrs6(const struct pkt *p) {
	return pkt_is_v6(p) ? pkt_addrs6(p) : NULL;
}

static bool is_whole(const struct pkt *p) {
	return csum_fold(icmp_sum(p->m, p->l4, p->l4_len, addrs6(p))) == 0xffff;
}

static bool crosses(const struct session *s) {
	return s->kind[DIR_IN] != s->kind[DIR_OUT];
}

// Bytes of the ICMP message when it is of the other family.
static uint32_t crossed_len(const struct pkt *p, const struct quote *q) {
	uint32_t payload = q->there - (uint32_t)q->header;

	if (pkt_is_v6(p))
		return HEAD + IP4_HEADER + payload;
	return RTE_MIN(HEAD + IP6_HEADER + payload, (uint32_t)(ERROR6_MOST - IP6_HEADER));
}

static uint32_t translated_error_len(const struct pkt *p, const struct quote *q) {
	if (!crosses(p->session))
		return p->ip_len;
	return crossed_len(p, q) + (pkt_is_v6(p) ? (uint32_t)IP4_HEADER : (uint32_t)IP6_HEADER);
}

static void put_addresses4(struct rte_ipv4_hdr *ip, uint32_t src_be, uint32_t dst_be) {
	uint32_t delta =
		csum_replace32(ip->src_addr, src_be) + csum_replace32(ip->dst_addr, dst_be);

	ip->src_addr = src_be;
	ip->dst_addr = dst_be;
	ip->hdr_checksum = csum_apply(ip->hdr_checksum, delta);
}

static void put_addresses6(struct rte_ipv6_hdr *ip, const uint8_t *src, const uint8_t *dst) {
	uint8_t *addrs = (uint8_t *)ip + PKT_ADDRS6_AT;

	memcpy(addrs, src, IP6_BYTES);
	memcpy(addrs + IP6_BYTES, dst, IP6_BYTES);
}

// Within a family both headers stay but for their addresses, and the outer one's hop.
static void carry(struct pkt *p, const struct quote *q) {
	const struct session *s = p->session;
	const struct flow_key *to = &s->key[!p->dir];
	const uint8_t (*to6)[IP6_BYTES] = session_addrs(s)->addr[!p->dir];

	if (pkt_is_v6(p)) {
		put_addresses6(p->ip6, to6[1], to6[0]);
		put_addresses6(q->ip6, to6[0], to6[1]);
		p->ip6->hop_limits--;
	} else {
		put_addresses4(p->ip4, to->dst_be, to->src_be);
		put_addresses4(q->ip4, to->src_be, to->dst_be);
		p->ip4->time_to_live--;
		p->ip4->hdr_checksum = csum_apply(p->ip4->hdr_checksum, csum_one_ttl_less());
	}
}

// The quoted packet with a header of the other family; false: no room for it.
static bool cross_quote(struct pkt *p, const struct quote *q) {
	const struct session *s = p->session;
	const struct flow_key *from = &s->key[!p->dir];
	uint32_t is = pkt_is_v6(p) ? (uint32_t)IP6_HEADER : (uint32_t)IP4_HEADER;
	uint32_t front = (uint32_t)((uint8_t *)q->ip4 - rte_pktmbuf_mtod(p->m, uint8_t *));
	uint8_t *header = mbuf_replace(p->m, front, q->header, is);
	struct ip_fields fields = {
		.len = q->ip_len - q->header,
		.tos = q->tos,
		.ttl = q->ttl,
		.proto = session_proto(s),
		.whole = translated_stays_whole(IP4_HEADER + q->ip_len - q->header),
	};

	if (header == NULL)
		return false;
	if (pkt_is_v6(p))
		ip_header_v6(
			header, fields, session_addrs(s)->addr[!p->dir][0],
			session_addrs(s)->addr[!p->dir][1]
		);
	else
		ip_header_v4(header, fields, from->src_be, from->dst_be);
	p->l4 = header - HEAD;
	p->ip4 = (void *)(header - HEAD - is);
	return true;
}

// Between the families; false: dropped.
static bool cross(struct pkt *p, const struct quote *q) {
	struct icmp_head head = *(const struct icmp_head *)p->l4;
	uint32_t len = crossed_len(p, q);
	uint32_t kept = len - HEAD - (pkt_is_v6(p) ? (uint32_t)IP4_HEADER : (uint32_t)IP6_HEADER);
	bool cut = q->header + kept < p->l4_len - (uint32_t)HEAD;

	if (!(pkt_is_v6(p) ? icmp_to_v4(&head) : icmp_to_v6(&head, q->ip_len))) {
		pkt_drop(p, SLB_DROP_UNTRANSLATABLE);
		return false;
	}
	p->proto = pkt_is_v6(p) ? SLB_PROTO_ICMP : SLB_PROTO_ICMP6;
	p->l4_len = (uint16_t)len;
	if (!translate(p))
		return false;
	if (!cross_quote(p, q)) {
		pkt_drop(p, SLB_DROP_UNTRANSLATABLE);
		return false;
	}
	memcpy(p->l4, &head, sizeof(head));
	if (cut)
		mbuf_cut(
			p->m, (uint32_t)((uint8_t *)p->l4 - rte_pktmbuf_mtod(p->m, uint8_t *)) + len
		);
	return true;
}

static bool has_whole_header(const struct rte_mbuf *m, const struct quote *q) {
	const uint8_t *end = rte_pktmbuf_mtod(m, const uint8_t *) + rte_pktmbuf_data_len(m);
	uint32_t there = RTE_MIN((uint32_t)q->l4_there, (uint32_t)(end - (const uint8_t *)q->l4));
	const struct rte_tcp_hdr *tcp = q->l4;
	uint32_t header = (tcp->data_off >> 4) * 4u;

	return header >= sizeof(*tcp) && header <= there;
}

static uint32_t shift_quoted(const struct session *back, struct pkt *quoted, bool whole) {
	return whole ? tcp_shift(back, quoted) : tcp_shift_numbers(back, quoted);
}

// Back to the numbers that the sender used, as far as they are quoted; returns the checksum delta. Options are read only in
// a header that is quoted whole. A window stays as it is quoted.
static uint32_t unshift(const struct core *c, const struct pkt *p, const struct quote *q) {
	const struct session *s = p->session;
	struct session back = {.seq_delta = -s->seq_delta, .ts_delta = -s->ts_delta};
	struct rte_tcp_hdr *tcp = q->l4;
	struct pkt quoted = {.l4 = tcp, .dir = !p->dir};
	bool whole = false;
	uint32_t sum;

	if ((s->seq_delta | s->ts_delta | s->extras) == 0)
		return 0;
	if (q->l4_there >= TCP_FLAGS_END) {
		quoted.tcp_flags = tcp->tcp_flags;
		whole = has_whole_header(p->m, q);
	}
	sum = proxy_uncount(c, s, &quoted, whole);
	sum += shift_quoted(&back, &quoted, whole);
	if (s->extras & SESSION_SYN_PROXY) {
		back.seq_delta = -syn_shift_delta(c, s);
		back.ts_delta = -syn_shift_stamp(c, s);
		quoted.dir = p->dir;
		sum += shift_quoted(&back, &quoted, whole);
	}
	return sum;
}

// Back to the ports and numbers that the sender used.
static void put_quoted_l4(const struct core *c, const struct pkt *p, const struct quote *q) {
	const struct session *s = p->session;
	const struct flow_key *from = &s->key[!p->dir];
	uint32_t delta = p->dir == DIR_IN ? s->l4_delta : (uint16_t)~s->l4_delta;
	struct rte_udp_hdr *udp = q->l4; // TCP's ports are in the same places
	struct rte_tcp_hdr *tcp = q->l4;

	udp->src_port = from->sport_be;
	udp->dst_port = from->dport_be;
	if (session_proto(s) == SLB_PROTO_UDP) {
		udp->dgram_cksum = csum_apply_udp(udp->dgram_cksum, delta);
		return;
	}
	delta += unshift(c, p, q);
	if (q->l4_there >= TCP_CSUM_END)
		tcp->cksum = csum_apply(tcp->cksum, delta);
}

static void send_on(const struct core *c, struct pkt *p, const struct quote *q) {
	const struct hop *hop = &c->fwd->hops[p->session->hop[p->dir]];
	struct icmp_head *head = p->l4;

	// What a client sends must leave room for what is put into it.
	if (p->dir == DIR_OUT)
		icmp_lower_mtu(head, pkt_is_v6(p), client_address_most(p->session));
	if (!crosses(p->session))
		carry(p, q);
	else if (!cross(p, q))
		return;
	put_quoted_l4(c, p, q);
	head = p->l4;
	head->cksum = 0;
	head->cksum = csum_apply(0xffff, icmp_sum(p->m, head, p->l4_len, addrs6(p)));
	nat_macs(p->m, hop);
}

static struct ipaddr quoted_to(const struct quote *q) {
	return q->kind & KIND_V6 ? ipaddr_from_v6(q->addrs6) : ipaddr_from_v4(q->key.src_be);
}

// For a worker that may have the session, if there is one that has not been asked.
static void search(struct core *c, struct pkt *p, const struct quote *q, enum source from) {
	uint16_t target = owner_of_flow(c->owners, &q->key, q->addrs6, q->kind);
	bool one = target != OWNER_NONE || (c->spread_hash[p->m->port] && !c->spread->moved);

	if (target == OWNER_NONE)
		target = spread_worker(
			c, quoted_to(q), pkt_dst(p),
			(uint32_t)q->key.sport_be << 16 | q->key.dport_be
		);
	if (one && target != c->id && from != FROM_WORKER)
		pkt_decide(p, VERDICT_HANDOFF, target);
	else if (one || !spread_search(c, p, target))
		pkt_drop(p, SLB_DROP_NO_SESSION);
}

void icmp_error(struct core *c, struct pkt *p, enum source from) {
	struct quote q;

	if (!is_whole(p)) {
		pkt_drop(p, SLB_DROP_BAD_CHECKSUM);
		return;
	}
	if (!quote_read(p, &q))
		return;
	p->session = session_lookup(&c->sessions, &q.key, q.addrs6, q.kind, &p->dir);
	if (p->session == NULL) {
		search(c, p, &q, from);
		return;
	}
	forward_by_session(c, p, translated_error_len(p, &q));
	if (p->verdict == VERDICT_TX)
		send_on(c, p, &q);
	// It is not one of the session's packets.
	p->session = NULL;
}
