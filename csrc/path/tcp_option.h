// SPDX-License-Identifier: BSD-3-Clause
// The options of a TCP segment: the one walk over them, and the clamp of what a SYN announces.
#pragma once

#include "path/core.h"

#include <rte_tcp.h>

enum tcp_option_kind {
	TCP_OPTION_END = 0,
	TCP_OPTION_NOP = 1,
	TCP_OPTION_MSS = 2,
	TCP_OPTION_SCALE = 3,
	TCP_OPTION_SACK_OK = 4,
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

enum { TCP_NO_SCALE = 15, TCP_SCALE_MOST = 14 }; // RFC 7323, 2.3

// What the options of a SYN offer, or a later segment's time stamp.
struct tcp_offer {
	uint16_t mss; // 0: none
	uint8_t scale; // of the window; TCP_NO_SCALE: none
	bool sack;
	bool stamps;
	uint32_t tsval;
	uint32_t tsecr;
};

struct tcp_offer tcp_offer_read(const struct rte_tcp_hdr *tcp);

// Writes them, at most 20 bytes; returns how many, a multiple of 4.
uint8_t tcp_offer_write(uint8_t *at, const struct tcp_offer *offer);

// The largest MSS that `tcp.mss` lets either end of a session announce, as its cached next hops have it.
uint16_t tcp_mss_limit(const struct core *c, const struct session *s);

// Lowers the maximum segment size that a SYN of a session announces (RFC 9293, 3.7.1) to what `tcp.mss` allows; never raises it,
// and adds none. The packet has its new IP header, and its TCP checksum stays as right or wrong as it was.
void tcp_clamp_mss(const struct core *c, struct pkt *p);
