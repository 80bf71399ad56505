// SPDX-License-Identifier: BSD-3-Clause
// Numbers of a TCP connection towards its RS that go on where the last connection from the same local port was, so that an
// RS in TIME_WAIT takes the new one (docs/decisions/0011-tcp-numbers-and-resets.md). What is added to the client's
// sequence numbers and time stamps is chosen once, with the session.
#pragma once

#include "path/core.h"
#include "path/csum.h"

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_tcp.h>
#include <string.h>

// Chooses for a session whose local port is known; p is the SYN that opens it.
void tcp_number(const struct core *c, struct session *s, const struct pkt *p);

// Adds to a 32-bit number in the packet; returns the checksum delta of a number at an even place, unfolded.
static inline uint32_t tcp_add(void *number, uint32_t delta) {
	uint32_t was, is;

	memcpy(&was, number, sizeof(was));
	is = rte_cpu_to_be_32(rte_be_to_cpu_32(was) + delta);
	memcpy(number, &is, sizeof(is));
	return csum_replace32(was, is);
}

// The same for one at any place in the segment.
uint32_t tcp_add_at(struct rte_tcp_hdr *tcp, uint32_t at, uint32_t delta);

struct tcp_option;

enum { TCP_SACK_EDGES_AT = 2, TCP_SACK_EDGE = 4 }; // in the option

bool tcp_is_sack(const struct tcp_option *o);

// The options of tcp_shift(), however they are laid out.
uint32_t tcp_shift_options(const struct session *s, const struct pkt *p);

// Of tcp_shift(), what stands in the first 12 bytes.
static inline uint32_t tcp_shift_numbers(const struct session *s, const struct pkt *p) {
	struct rte_tcp_hdr *tcp = p->l4;

	if (p->dir == DIR_IN)
		return tcp_add(&tcp->sent_seq, s->seq_delta);
	return p->tcp_flags & RTE_TCP_ACK_FLAG ? tcp_add(&tcp->recv_ack, -s->seq_delta) : 0;
}

// Shifts what a packet says of the client's numbers; returns the checksum delta, unfolded.
static inline uint32_t tcp_shift(const struct session *s, const struct pkt *p) {
	const uint32_t common_be = rte_cpu_to_be_32(0x0101080a); // twice NOP, and a time stamp
	struct rte_tcp_hdr *tcp = p->l4;
	uint8_t *options = (uint8_t *)(tcp + 1);
	uint8_t words = tcp->data_off >> 4;
	bool acks = (p->tcp_flags & RTE_TCP_ACK_FLAG) != 0;
	uint32_t sum = tcp_shift_numbers(s, p);

	if (words == 5)
		return sum;
	if (unlikely(words != 8 || memcmp(options, &common_be, sizeof(common_be)) != 0))
		return sum + tcp_shift_options(s, p);
	if (p->dir == DIR_IN)
		return sum + tcp_add(options + 4, s->ts_delta);
	return acks ? sum + tcp_add(options + 8, -s->ts_delta) : sum;
}
