// SPDX-License-Identifier: BSD-3-Clause

#include "path/tcp_expired.h"

#include "path/proxy_protocol.h"
#include "path/segment.h"
#include "path/syn_shift.h"
#include "path/tcp_state.h"

#include <rte_byteorder.h>
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

// What the RS acknowledges it counts in the shifted numbers of the client, and with what stands before its data; the client
// counts in those that it was shown of the RS's.
static uint32_t as_peer_counts(
	const struct core *c, const struct session *s, enum direction of, uint32_t ack
) {
	if (of == DIR_OUT)
		return ack - syn_shift_delta(c, s);
	return ack - proxy_counted(c, s, ack) - s->seq_delta;
}

// To the end whose packets arrive in this direction, as if its peer sent it.
static struct segment to_sender(const struct core *c, const struct session *s, enum direction of) {
	const struct acks *acks = acks_of(c, s);
	struct segment rst = segment_of(s, of, true);

	rst.seq = acks->last[of];
	rst.ack = acks->known[!of] ? as_peer_counts(c, s, of, acks->last[!of]) : 0;
	rst.flags = RTE_TCP_RST_FLAG | (acks->known[!of] ? RTE_TCP_ACK_FLAG : 0);
	return rst;
}

bool tcp_tell_end(struct core *c, struct session *s, enum direction end) {
	struct segment rst;

	if (c->acks == NULL || !acks_of(c, s)->known[end])
		return false;
	rst = to_sender(c, s, end);
	segment_send(c, s, !end, &rst);
	return true;
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
	tcp_tell_end(c, s, DIR_IN);
	tcp_tell_end(c, s, DIR_OUT);
}
