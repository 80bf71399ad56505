// SPDX-License-Identifier: BSD-3-Clause
// The options of a TCP segment: the one walk over them, and the clamp of what a SYN announces.
#pragma once

#include "path/core.h"

#include <rte_tcp.h>

enum tcp_option_kind {
	TCP_OPTION_END = 0,
	TCP_OPTION_NOP = 1,
	TCP_OPTION_MSS = 2,
	TCP_OPTION_SACK = 5,
	TCP_OPTION_TIMESTAMP = 8,
	TCP_OPTION_FAST_OPEN = 34,
	TCP_OPTION_TOA = 254, // RFC 4727's for experiments; Fast Open had it before it had its own
};

// One that is more than a byte, by its place in the segment.
struct tcp_option {
	uint32_t at;
	uint32_t len; // with kind and length; 0: none was read yet
	uint8_t kind;
};

#define TCP_OPTIONS_START ((struct tcp_option){.at = sizeof(struct rte_tcp_hdr)})

// The next option. False: there is none, or it cannot be read. parse() has made sure of the header's length.
static inline bool tcp_option_next(const struct rte_tcp_hdr *tcp, struct tcp_option *o) {
	const uint8_t *bytes = (const uint8_t *)tcp;
	uint32_t end = (tcp->data_off >> 4) * 4u;

	o->at += o->len;
	while (o->at < end && bytes[o->at] == TCP_OPTION_NOP)
		o->at++;
	if (o->at >= end || bytes[o->at] == TCP_OPTION_END)
		return false;
	if (end - o->at < 2 || bytes[o->at + 1] < 2 || bytes[o->at + 1] > end - o->at)
		return false;
	o->kind = bytes[o->at];
	o->len = bytes[o->at + 1];
	return true;
}

// Lowers the maximum segment size that a SYN of a session announces (RFC 9293, 3.7.1) to what `tcp.mss` allows; never raises it,
// and adds none. The packet has its new IP header, and its TCP checksum stays as right or wrong as it was.
void tcp_clamp_mss(const struct core *c, struct pkt *p);
