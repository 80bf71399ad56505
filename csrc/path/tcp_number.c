// SPDX-License-Identifier: BSD-3-Clause

#include "path/tcp_number.h"

#include "base/clock.h"
#include "path/tcp_option.h"

enum {
	SEQ_PER_S = 250000, // RFC 9293, 3.4.1
	SACK_BLOCK = 2 * TCP_SACK_EDGE,
	TIMESTAMP_BYTES = 10, // kind, length, TSval, TSecr
	TSVAL_AT = 2, // in the option
	TSECR_AT = 6,
};

_Static_assert(SEQ_PER_S % TICK_HZ == 0, "whole numbers a tick");

static bool is_timestamp(const struct tcp_option *o) {
	return o->kind == TCP_OPTION_TIMESTAMP && o->len == TIMESTAMP_BYTES;
}

bool tcp_is_sack(const struct tcp_option *o) {
	return o->kind == TCP_OPTION_SACK && (o->len - TCP_SACK_EDGES_AT) % SACK_BLOCK == 0;
}

void tcp_number(const struct core *c, struct session *s, const struct pkt *p) {
	const struct rte_tcp_hdr *tcp = p->l4;
	const struct flow_key *key = &s->key[DIR_OUT];
	struct ipaddr rs = session_src(s, DIR_OUT), local = session_dst(s, DIR_OUT);
	uint64_t hash =
		hash_16(&c->number_seed, hash_32(&c->number_seed, rs.hi, rs.lo, local.hi, local.lo),
			(uint64_t)key->sport_be << 16 | key->dport_be);
	struct tcp_option o = TCP_OPTIONS_START;
	uint32_t tsval;

	s->seq_delta =
		(uint32_t)hash + c->now * (SEQ_PER_S / TICK_HZ) - rte_be_to_cpu_32(tcp->sent_seq);
	while (tcp_option_next(tcp, &o)) {
		if (!is_timestamp(&o))
			continue;
		memcpy(&tsval, (const uint8_t *)tcp + o.at + TSVAL_AT, sizeof(tsval));
		s->ts_delta = (uint32_t)(hash >> 32) + clock_ms_from_ticks(c->now)
			- rte_be_to_cpu_32(tsval);
		break;
	}
}

// At an odd place high and low byte belong to two words (RFC 1071, 2.B).
uint32_t tcp_add_at(struct rte_tcp_hdr *tcp, uint32_t at, uint32_t delta) {
	uint32_t sum = tcp_add((uint8_t *)tcp + at, delta);

	return at & 1 ? rte_bswap16(csum_fold(sum)) : sum;
}

uint32_t tcp_shift_options(const struct session *s, const struct pkt *p) {
	bool acks = (p->tcp_flags & RTE_TCP_ACK_FLAG) != 0;
	struct tcp_option o = TCP_OPTIONS_START;
	struct rte_tcp_hdr *tcp = p->l4;
	uint32_t sum = 0;

	while (tcp_option_next(tcp, &o)) {
		if (is_timestamp(&o) && p->dir == DIR_IN)
			sum += tcp_add_at(tcp, o.at + TSVAL_AT, s->ts_delta);
		else if (is_timestamp(&o) && acks)
			sum += tcp_add_at(tcp, o.at + TSECR_AT, -s->ts_delta);
		else if (tcp_is_sack(&o) && p->dir == DIR_OUT)
			for (uint32_t edge = TCP_SACK_EDGES_AT; edge < o.len; edge += TCP_SACK_EDGE)
				sum += tcp_add_at(tcp, o.at + edge, -s->seq_delta);
	}
	return sum;
}
