// SPDX-License-Identifier: BSD-3-Clause
// What a client of a SYN proxy sees of its RS's numbers: the LB chose them before there was an RS. The mirror image of tcp_number.h:
// here it is the RS whose numbers are shifted. Windows are scaled anew where the RS's scale is another than the LB has announced.
#pragma once

#include "path/core.h"

enum { SYN_PROXY_SCALE = 7 }; // of windows, as announced to clients

// How windows are scaled, once the RS's SYN-ACK is known; TCP_NO_SCALE: has none.
void syn_shift_scales(struct syn_proxy *proxy, uint8_t client, uint8_t rs);

// A window field in units of 1 << from as one in units of 1 << to, rounded down.
uint16_t syn_shift_window(uint16_t window, uint8_t from, uint8_t to);

// Added to the RS's sequence numbers on the way to the client.
static inline uint32_t syn_shift_delta(const struct core *c, const struct session *s) {
	return s->extras & SESSION_SYN_PROXY ? c->streams[s - c->sessions.entries].proxy.seq_delta
					     : 0;
}

static inline uint32_t syn_shift_stamp(const struct core *c, const struct session *s) {
	return s->extras & SESSION_SYN_PROXY ? c->streams[s - c->sessions.entries].proxy.ts_delta
					     : 0;
}

// Shifts what a packet says of the RS's numbers, and scales its window; returns the checksum delta, unfolded.
uint32_t syn_shift(const struct core *c, struct pkt *p);
