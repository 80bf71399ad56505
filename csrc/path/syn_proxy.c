// SPDX-License-Identifier: BSD-3-Clause

#include "path/syn_proxy.h"

#include "base/clock.h"
#include "path/answers.h"
#include "path/forward.h"
#include "path/lifecycle.h"
#include "path/segment.h"
#include "path/syn_shift.h"
#include "path/tcp_reset.h"
#include "path/tcp_state.h"

#include <rte_byteorder.h>
#include <rte_ip.h>

// SYNs that an RS gets: the second after 1 s, the third after 2 more; 4 s later the session ends.
enum { SYNS = 3 };

enum { ETHERNET_MTU = 1500 };

static struct stream *stream_of(const struct core *c, const struct session *s) {
	return &c->streams[s - c->sessions.entries];
}

static uint32_t isn(const struct stream *st) {
	return st->first - 1;
}

static struct segment with_options(
	struct segment g, uint8_t flags, uint16_t window, const struct tcp_offer *offer
) {
	g.flags = flags;
	g.window = window;
	g.n_options = tcp_offer_write(g.options, offer);
	return g;
}

// What tcp_clamp_mss() would leave of any RS's, whichever it will be.
static uint16_t announced_mss(const struct core *c, const struct pkt *p, const struct vs *vs) {
	const uint16_t headers = (uint16_t)sizeof(struct rte_tcp_hdr)
		+ (pkt_is_v6(p) || vs->rs_v6 ? (uint16_t)sizeof(struct rte_ipv6_hdr)
					     : (uint16_t)sizeof(struct rte_ipv4_hdr));

	if (c->tcp_mss == SLB_MSS_AUTO)
		return c->least_mtu - headers;
	return c->tcp_mss == SLB_MSS_OFF ? ETHERNET_MTU - headers
					 : (uint16_t)RTE_MIN(c->tcp_mss, ETHERNET_MTU - headers);
}

// A window of 0 has the client wait with its data until the RS can take it.
void syn_proxy_answer(struct core *c, struct pkt *p, const struct vs *vs) {
	const struct rte_tcp_hdr *tcp = p->l4;
	struct tcp_offer asked, offer;
	struct syn_cookie cookie;
	struct segment g;

	if (p->flags & PKT_FRAGMENT || !tcp_is_whole(p)) {
		pkt_drop(p, SLB_DROP_SYN_COOKIE);
		return;
	}
	asked = tcp_offer_read(tcp);
	cookie = syn_cookie_make(c, p, &asked);
	offer = (struct tcp_offer){
		.mss = announced_mss(c, p, vs),
		.scale = asked.stamps && asked.scale != TCP_NO_SCALE ? SYN_PROXY_SCALE
								     : TCP_NO_SCALE,
		.sack = asked.stamps && asked.sack,
		.stamps = asked.stamps,
		.tsval = cookie.stamp,
		.tsecr = asked.tsval,
	};
	g = with_options(segment_against(p), RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG, 0, &offer);
	g.seq = cookie.seq;
	g.ack = rte_be_to_cpu_32(tcp->sent_seq) + 1;
	segment_answer(p, &g);
}

bool syn_proxy_accepts(const struct core *c, const struct pkt *p, struct syn_accepted *accepted) {
	const uint8_t kinds = RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG | RTE_TCP_RST_FLAG;

	return (p->tcp_flags & kinds) == RTE_TCP_ACK_FLAG && !(p->flags & PKT_FRAGMENT)
		&& syn_cookie_read(c, p, &accepted->isn, &accepted->cookie, &accepted->offer)
		&& tcp_is_whole(p);
}

void syn_proxy_begin(struct core *c, struct pkt *p, const struct syn_accepted *accepted) {
	const struct rte_tcp_hdr *tcp = p->l4;
	const struct tcp_offer *offer = &accepted->offer;
	struct session *s = p->session;
	uint32_t id;

	if (s == NULL) {
		tcp_reset(c, p, p->arg);
		return;
	}
	id = session_id(&c->sessions, s);
	c->streams[id] = (struct stream){
		.first = accepted->isn + 1,
		.proxy = {
			.seq = accepted->cookie.seq,
			.stamp = accepted->cookie.stamp,
			.tsval = offer->tsval,
			.due = c->now,
			.window = rte_be_to_cpu_16(tcp->rx_win),
			.mss = offer->mss,
			.scale = offer->scale,
			.sack = offer->sack,
			.stamps = offer->stamps,
			.waits = true,
		},
	};
	s->extras |= SESSION_SYN_PROXY;
	c->proxied++;
	// It was counted from what p has, which the SYN comes before.
	if (c->renumber)
		s->seq_delta += rte_be_to_cpu_32(tcp->sent_seq) - accepted->isn;
}

// ---- to the RS ----

static struct segment syn_of(const struct syn_proxy *proxy, struct segment g, uint32_t tsval) {
	const struct tcp_offer offer = {
		.mss = proxy->mss,
		.scale = proxy->scale,
		.sack = proxy->sack,
		.stamps = proxy->stamps,
		.tsval = tsval,
	};
	uint8_t scale = proxy->scale != TCP_NO_SCALE ? proxy->scale : 0;

	return with_options(g, RTE_TCP_SYN_FLAG, syn_shift_window(proxy->window, scale, 0), &offer);
}

// The client's packet becomes the SYN, and goes on as one of its.
static void put_syn(struct core *c, struct pkt *p) {
	const struct stream *st = stream_of(c, p->session);
	struct segment g =
		syn_of(&st->proxy, segment_of(p->session, DIR_IN, false), st->proxy.tsval);

	g.seq = isn(st);
	g.ttl = p->ttl;
	segment_put(p, &g);
}

// One that the LB makes itself has the numbers and addresses of the RS's side, and the MSS that is let through.
static void send_syn(struct core *c, struct session *s) {
	struct stream *st = stream_of(c, s);
	struct segment g;

	forward_refresh(c, s);
	st->proxy.mss = RTE_MIN(st->proxy.mss, tcp_mss_limit(c, s));
	g = syn_of(&st->proxy, segment_of(s, DIR_OUT, true), st->proxy.tsval + s->ts_delta);
	g.seq = isn(st) + s->seq_delta;
	segment_send(c, s, DIR_IN, &g);
}

static void count_syn(const struct core *c, struct syn_proxy *proxy) {
	proxy->due = c->now + clock_ticks_from_s(1u << proxy->syns);
	proxy->syns++;
}

static void send_ack(struct core *c, struct session *s, uint32_t rs_seq, uint32_t rs_stamp) {
	const struct stream *st = stream_of(c, s);
	const struct syn_proxy *proxy = &st->proxy;
	const struct tcp_offer offer = {
		.scale = TCP_NO_SCALE,
		.stamps = proxy->stamps,
		.tsval = proxy->tsval + s->ts_delta,
		.tsecr = rs_stamp,
	};
	uint16_t window = syn_shift_window(proxy->window, proxy->scale_in[0], proxy->scale_in[1]);
	struct segment g =
		with_options(segment_of(s, DIR_OUT, true), RTE_TCP_ACK_FLAG, window, &offer);

	g.seq = st->first + s->seq_delta;
	g.ack = rs_seq + 1;
	segment_send(c, s, DIR_IN, &g);
}

static void send_rst(struct core *c, struct session *s) {
	struct segment g = segment_of(s, DIR_OUT, true);

	g.flags = RTE_TCP_RST_FLAG;
	g.seq = stream_of(c, s)->first + s->seq_delta;
	segment_send(c, s, DIR_IN, &g);
}

// ---- a session that waits ----

// It was put where the next SYN is due, which may be later than its own time-out.
static void wait_no_more(struct core *c, struct session *s) {
	stream_of(c, s)->proxy.waits = false;
	session_rearm(c, s);
}

static void from_client(struct core *c, struct pkt *p) {
	struct stream *st = stream_of(c, p->session);
	const struct rte_tcp_hdr *tcp = p->l4;
	struct segment rst;

	if (st->proxy.syns == 0) {
		put_syn(c, p);
		count_syn(c, &st->proxy);
		session_rearm(c, p->session);
	} else if (
		p->tcp_flags & RTE_TCP_RST_FLAG && !(p->flags & PKT_FRAGMENT)
		&& rte_be_to_cpu_32(tcp->sent_seq) == st->first
	) {
		// Nothing that it acknowledges is a number of the RS's.
		rst = segment_of(p->session, DIR_IN, false);
		rst.flags = RTE_TCP_RST_FLAG;
		rst.seq = st->first;
		rst.ttl = p->ttl;
		// To this client the connection was open, so it does not go on waiting.
		answers_change(c, p, p->session, SLB_TCP_CLOSE);
		p->session->state = SLB_TCP_CLOSE;
		p->session->seen = c->now;
		wait_no_more(c, p->session);
		segment_put(p, &rst);
	} else {
		pkt_drop(p, SLB_DROP_SYN_PROXY);
	}
}

// The RS's packet becomes an RST that the client takes: it begins where the LB's SYN-ACK ended.
static void put_rst(struct core *c, struct pkt *p) {
	struct session *s = p->session;
	struct stream *st = stream_of(c, s);
	struct segment g = segment_of(s, DIR_OUT, false);

	g.flags = RTE_TCP_RST_FLAG | RTE_TCP_ACK_FLAG;
	g.ack = st->first + s->seq_delta;
	g.ttl = p->ttl;
	st->proxy.seq_delta = st->proxy.seq + 1;
	wait_no_more(c, s);
	segment_put(p, &g);
}

// The RS's SYN-ACK becomes an ACK that opens the window, and the RS gets the ACK that it waits for.
static void put_ack(struct core *c, struct pkt *p, const struct tcp_offer *offer) {
	const struct rte_tcp_hdr *tcp = p->l4;
	struct session *s = p->session;
	uint32_t seq = rte_be_to_cpu_32(tcp->sent_seq);
	const struct tcp_offer stamp = {
		.scale = TCP_NO_SCALE,
		.stamps = offer->stamps,
		.tsval = offer->tsval,
		.tsecr = offer->tsecr,
	};
	struct segment g = with_options(
		segment_of(s, DIR_OUT, false), RTE_TCP_ACK_FLAG, rte_be_to_cpu_16(tcp->rx_win),
		&stamp
	);

	send_ack(c, s, seq, offer->tsval);
	g.seq = seq + 1;
	g.ack = rte_be_to_cpu_32(tcp->recv_ack);
	g.ttl = p->ttl;
	if (segment_put(p, &g))
		p->tcp_flags = RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG; // as its window is
}

static void establish(struct core *c, struct pkt *p, struct tcp_offer *offer) {
	const struct rte_tcp_hdr *tcp = p->l4;
	struct session *s = p->session;
	struct syn_proxy *proxy = &stream_of(c, s)->proxy;

	offer->stamps &= proxy->stamps;
	proxy->seq_delta = proxy->seq - rte_be_to_cpu_32(tcp->sent_seq);
	proxy->ts_delta = offer->stamps ? proxy->stamp - offer->tsval : 0;
	syn_shift_scales(proxy, proxy->scale, offer->scale);
	proxy->waits = false;
	answers_came(c, s);
	s->state = SLB_TCP_ESTABLISHED;
	s->seen = c->now;
	session_rearm(c, s);
	if (c->acks != NULL)
		c->acks[s - c->sessions.entries] =
			(struct acks){.last[DIR_IN] = proxy->seq + 1, .known[DIR_IN] = true};
	put_ack(c, p, offer);
}

// RFC 9293, 3.10.7.3, as the client would take it.
static void from_rs(struct core *c, struct pkt *p) {
	struct stream *st = stream_of(c, p->session);
	const struct rte_tcp_hdr *tcp = p->l4;
	const uint8_t flags = p->tcp_flags;
	struct tcp_offer offer;

	if (p->flags & PKT_FRAGMENT || !(flags & RTE_TCP_ACK_FLAG) || !tcp_is_whole(p)) {
		pkt_drop(p, SLB_DROP_SYN_PROXY);
	} else if (rte_be_to_cpu_32(tcp->recv_ack) != st->first + p->session->seq_delta) {
		// Of an older connection, which ends with the RST: it is why the SYN was not taken.
		tcp_reset(c, p, SLB_DROP_SYN_PROXY);
	} else if (flags & RTE_TCP_RST_FLAG) {
		put_rst(c, p);
	} else if (!(flags & RTE_TCP_SYN_FLAG)) {
		pkt_drop(p, SLB_DROP_SYN_PROXY);
	} else {
		offer = tcp_offer_read(tcp);
		if (offer.stamps || !st->proxy.stamps) {
			establish(c, p, &offer);
		} else {
			core_count_drop(c, SLB_DROP_SYN_STAMPS);
			send_rst(c, p->session);
			put_rst(c, p);
		}
	}
}

// The RS has not got the ACK; the client may have got nothing either.
static void answered_again(struct core *c, struct pkt *p) {
	struct stream *st = stream_of(c, p->session);
	const struct rte_tcp_hdr *tcp = p->l4;
	struct tcp_offer offer = tcp_offer_read(tcp);

	if (!tcp_is_whole(p) || !(p->tcp_flags & RTE_TCP_ACK_FLAG)
	    || (st->proxy.stamps && !offer.stamps)
	    || rte_be_to_cpu_32(tcp->recv_ack) != st->first + p->session->seq_delta
	    || rte_be_to_cpu_32(tcp->sent_seq) + st->proxy.seq_delta != st->proxy.seq) {
		pkt_drop(p, SLB_DROP_SYN_PROXY);
		return;
	}
	offer.stamps &= st->proxy.stamps;
	put_ack(c, p, &offer);
}

static void one(struct core *c, struct pkt *p) {
	const uint8_t kinds = RTE_TCP_SYN_FLAG | RTE_TCP_RST_FLAG;

	if (!syn_proxy_waits(c, p->session)) {
		if (p->dir == DIR_OUT && (p->tcp_flags & kinds) == RTE_TCP_SYN_FLAG
		    && !(p->flags & PKT_FRAGMENT) && tcp_is_open(p->session->state))
			answered_again(c, p);
	} else if (p->flags & PKT_LATER) {
		pkt_drop(p, SLB_DROP_SYN_PROXY);
	} else if (p->dir == DIR_IN) {
		from_client(c, p);
	} else {
		from_rs(c, p);
	}
}

void syn_proxy(struct core *c, struct burst *b) {
	for (uint16_t i = 0; i < b->n_live; i++) {
		struct pkt *p = &b->pkts[b->live[i]];
		if (p->session->extras & SESSION_SYN_PROXY)
			one(c, p);
	}
	burst_sift(b);
}

bool syn_proxy_goes_on(struct core *c, struct session *s) {
	struct stream *st = stream_of(c, s);

	if (!syn_proxy_waits(c, s) || st->proxy.syns == SYNS
	    || !clock_reached(c->now, st->proxy.due))
		return false;
	answers_sent_again(c, s);
	send_syn(c, s);
	count_syn(c, &st->proxy);
	return true;
}

void syn_proxy_gives_up(struct core *c, struct session *s) {
	const struct stream *st = stream_of(c, s);
	struct segment rst;

	if (!syn_proxy_waits(c, s))
		return;
	rst = segment_of(s, DIR_IN, true);
	rst.flags = RTE_TCP_RST_FLAG | RTE_TCP_ACK_FLAG;
	rst.seq = st->proxy.seq + 1;
	rst.ack = st->first;
	segment_send(c, s, DIR_OUT, &rst);
}
