// SPDX-License-Identifier: BSD-3-Clause

#include "path/proxy_protocol.h"

#include "path/csum.h"
#include "path/tcp_insert.h"
#include "path/tcp_number.h"
#include "path/tcp_option.h"

#include <rte_branch_prediction.h>

enum {
	SIGNATURE_BYTES = 12,
	VERSION_AND_COMMAND = 0x21, // 2, PROXY
	TCP_OVER_IPV4 = 0x11,
	TCP_OVER_IPV6 = 0x21,
	HEAD_BYTES = 16, // before the addresses
	// So far behind the first byte no segment is under way any more that begins before it, as no window is larger.
	LONG_PAST = 1 << 30,
};

static const uint8_t SIGNATURE[SIGNATURE_BYTES] = "\r\n\r\n\0\r\nQUIT\n";

static struct stream *stream_of(const struct core *c, const struct session *s) {
	return &c->streams[s - c->sessions.entries];
}

// How far a number that the client counts so is behind its first byte; modulo 2^32.
static uint32_t place(const struct core *c, const struct session *s, uint32_t number) {
	return number - stream_of(c, s)->first;
}

static bool is_behind(uint32_t place) {
	return place > 0 && place <= INT32_MAX;
}

// What the RS counts more than the client.
static uint32_t more(const struct core *c, const struct session *s, uint32_t number) {
	uint32_t at = place(c, s, number);

	if (s->extras & SESSION_PAST || is_behind(at) || (at == 0 && s->extras & SESSION_TOLD))
		return proxy_bytes(s);
	return 0;
}

// Within the header, its beginning and its end, there is only the client's first byte.
static uint32_t less(const struct core *c, const struct session *s, uint32_t number) {
	uint32_t at = place(c, s, number - s->seq_delta), len = proxy_bytes(s);

	if (s->extras & SESSION_PAST)
		return len;
	return is_behind(at) ? RTE_MIN(at, len) : 0;
}

uint32_t proxy_counted(const struct core *c, const struct session *s, uint32_t number) {
	return s->extras & SESSION_PROXY ? less(c, s, number) : 0;
}

// Whether the RS might take something else of the client for the beginning: the first bytes of a SYN with another number,
// or data from before the first byte on. Data in the session's own SYN is another matter.
static bool evades(const struct core *c, const struct pkt *p, uint32_t seq) {
	const uint8_t kinds = RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG | RTE_TCP_RST_FLAG;
	const struct rte_tcp_hdr *tcp = p->l4;
	uint32_t at = place(c, p->session, seq), len = p->l4_len - (tcp->data_off >> 4) * 4u;

	if ((p->tcp_flags & kinds) == RTE_TCP_SYN_FLAG)
		return at + 1 != 0;
	if (p->tcp_flags & RTE_TCP_SYN_FLAG)
		len++;
	return !(p->session->extras & SESSION_PAST) && at > INT32_MAX && is_behind(at + len);
}

// An RST must have the very number that the RS waits for, which has the header if it has anything.
bool proxy_plan(const struct core *c, struct pkt *p) {
	const uint8_t kinds = RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG | RTE_TCP_RST_FLAG;
	struct session *s = p->session;
	uint32_t seq = rte_be_to_cpu_32(((const struct rte_tcp_hdr *)p->l4)->sent_seq);

	if (unlikely(evades(c, p, seq)))
		return false;
	if (more(c, s, seq) > 0) {
		p->flags |= PKT_BEHIND;
	} else if (place(c, s, seq) == 0 && (p->tcp_flags & kinds) == RTE_TCP_ACK_FLAG) {
		p->flags |= PKT_TELL;
		s->extras |= SESSION_TELLS;
	} else if (place(c, s, seq) == 0 && s->extras & SESSION_TELLS) {
		p->flags |= PKT_BEHIND;
	}
	return true;
}

// A straggler of the port's last connection may say anything, but nothing of a header that was not sent.
void proxy_hear(struct core *c, const struct pkt *p) {
	const struct rte_tcp_hdr *tcp = p->l4;
	struct session *s = p->session;
	uint32_t at = place(c, s, rte_be_to_cpu_32(tcp->recv_ack) - s->seq_delta);

	if (!(p->tcp_flags & RTE_TCP_ACK_FLAG))
		return;
	if (p->tcp_flags & RTE_TCP_SYN_FLAG) {
		// If it has taken data from the SYN, nothing can stand before that any more.
		if (at - 1 < UINT16_MAX && !(s->extras & SESSION_TELLS)) {
			s->extras = SESSION_UNTOLD | (s->extras & (uint8_t)~SESSION_PROXY);
			c->counters.untold++;
		}
	} else if (s->extras & SESSION_TELLS && is_behind(at) && at >= proxy_bytes(s)) {
		s->extras |= at < LONG_PAST ? SESSION_TOLD : SESSION_TOLD | SESSION_PAST;
	}
}

static void write_header(const struct session *s, uint8_t *to) {
	const struct flow_key *key = &s->key[DIR_IN];
	bool v6 = session_is_v6(s, DIR_IN);
	uint32_t size = v6 ? 2 * (uint32_t)IP6_BYTES : 2 * (uint32_t)sizeof(key->src_be);
	uint16_t len_be = rte_cpu_to_be_16((uint16_t)(proxy_bytes(s) - HEAD_BYTES));
	const void *addrs = v6 ? (const void *)session_addrs(s)->addr[DIR_IN] : &key->src_be;

	memcpy(to, SIGNATURE, sizeof(SIGNATURE));
	to[SIGNATURE_BYTES] = VERSION_AND_COMMAND;
	to[SIGNATURE_BYTES + 1] = v6 ? TCP_OVER_IPV6 : TCP_OVER_IPV4;
	memcpy(to + SIGNATURE_BYTES + 2, &len_be, sizeof(len_be));
	memcpy(to + HEAD_BYTES, addrs, size);
	memcpy(to + HEAD_BYTES + size, &key->sport_be, 2 * sizeof(key->sport_be));
}

bool proxy_put(struct pkt *p) {
	struct rte_tcp_hdr *tcp = p->l4;
	uint32_t header = (tcp->data_off >> 4) * 4u, len = proxy_bytes(p->session), delta;
	bool bare = p->l4_len == header;
	uint16_t was, is;
	uint8_t *to = tcp_insert(p, header, len, &delta);

	if (to == NULL)
		return false;
	tcp = p->l4;
	write_header(p->session, to);
	delta += csum_sum(to, len);
	memcpy(&was, &tcp->data_off, sizeof(was));
	if (bare)
		tcp->tcp_flags |= RTE_TCP_PSH_FLAG;
	memcpy(&is, &tcp->data_off, sizeof(is));
	tcp->cksum = csum_apply(tcp->cksum, delta + csum_replace16(was, is));
	return true;
}

// Of what an RS acknowledges, what stands at one place; back: as it counts, from what the client does.
static uint32_t move_ack(
	const struct core *c, const struct session *s, struct rte_tcp_hdr *tcp, uint32_t at,
	bool back
) {
	uint32_t number;

	memcpy(&number, (const uint8_t *)tcp + at, sizeof(number));
	number = rte_be_to_cpu_32(number);
	return tcp_add_at(tcp, at, back ? more(c, s, number) : -less(c, s, number));
}

static uint32_t move_acks(
	const struct core *c, const struct session *s, struct pkt *p, bool whole, bool back
) {
	struct tcp_option o = TCP_OPTIONS_START;
	struct rte_tcp_hdr *tcp = p->l4;
	uint32_t sum = 0;

	if (p->tcp_flags & RTE_TCP_ACK_FLAG)
		sum = move_ack(c, s, tcp, offsetof(struct rte_tcp_hdr, recv_ack), back);
	while (whole && tcp_option_next(tcp, &o))
		for (uint32_t edge = TCP_SACK_EDGES_AT; tcp_is_sack(&o) && edge < o.len;
		     edge += TCP_SACK_EDGE)
			sum += move_ack(c, s, tcp, o.at + edge, back);
	return sum;
}

void proxy_count(const struct core *c, struct pkt *p) {
	struct rte_tcp_hdr *tcp = p->l4;
	uint32_t delta = 0;

	if (p->dir == DIR_OUT && p->session->extras & SESSION_PROXY)
		delta = move_acks(c, p->session, p, true, false);
	else if (p->flags & PKT_BEHIND)
		delta = tcp_add(&tcp->sent_seq, proxy_bytes(p->session));
	// Of what may yet be dropped nothing changes, not even the one zero into the other.
	if (delta != 0)
		tcp->cksum = csum_apply(tcp->cksum, delta);
}

uint32_t proxy_uncount(
	const struct core *c, const struct session *s, struct pkt *quoted, bool whole
) {
	struct rte_tcp_hdr *tcp = quoted->l4;

	if (!(s->extras & SESSION_PROXY))
		return 0;
	if (quoted->dir == DIR_OUT)
		return move_acks(c, s, quoted, whole, true);
	return tcp_add(&tcp->sent_seq, -less(c, s, rte_be_to_cpu_32(tcp->sent_seq)));
}
