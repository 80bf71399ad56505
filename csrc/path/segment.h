// SPDX-License-Identifier: BSD-3-Clause
// TCP segments without payload, made from scratch: as a frame of their own, or in place of one that came.
#pragma once

#include "path/core.h"

#include <rte_tcp.h>

enum { SEGMENT_TTL = 64, SEGMENT_OPTIONS = 20 };

struct segment {
	struct ipaddr src; // both of one family
	struct ipaddr dst;
	uint16_t sport_be;
	uint16_t dport_be;
	uint32_t seq;
	uint32_t ack;
	uint16_t window;
	uint8_t flags;
	uint8_t ttl;
	uint8_t n_options; // bytes, a multiple of 4
	uint8_t options[SEGMENT_OPTIONS];
};

// Without numbers and flags: from one end of a session's client side to the other, or its RS side, as packets arrive in the
// direction; `back`: against it.
struct segment segment_of(const struct session *s, enum direction dir, bool back);

// The same against a packet that has arrived, whether it has a session or not.
struct segment segment_against(const struct pkt *p);

// Writes it over a frame from its IP header on. False: no room, the frame is spoilt and the packet dropped.
bool segment_put(struct pkt *p, const struct segment *g);

// Turns a frame around and decides it: it leaves, as this segment, by the port it came in by.
void segment_answer(struct pkt *p, const struct segment *g);

// Sends it the way that the session's packets of a direction go; nothing where there is none, or no buffer.
void segment_send(struct core *c, struct session *s, enum direction dir, const struct segment *g);
