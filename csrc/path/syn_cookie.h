// SPDX-License-Identifier: BSD-3-Clause
// SYN cookies (RFC 4987, 3.6; docs/decisions/0013-syn-proxy.md): all that the LB would have to remember of a client's SYN stands in the
// sequence number and the time stamp of its SYN-ACK, which the client's ACK brings back. Both hold bits of a keyed hash, so
// only who has received the SYN-ACK knows them.
#pragma once

#include "base/clock.h"
#include "path/pkt.h"
#include "path/tcp_option.h"

struct syn_cookie {
	uint32_t seq; // of the SYN-ACK
	uint32_t stamp; // its TSval
};

// A cookie is good in the period it was made in and in the next one.
enum { SYN_COOKIE_TICKS = 64 * TICK_HZ };

// For the SYN p of a client that offers this; keeps the offer's MSS rounded down to one of a few, and, if it has time stamps, whether
// it has SACK and its window scale.
struct syn_cookie syn_cookie_make(
	const struct core *c, const struct pkt *p, const struct tcp_offer *offer
);

// Whether p acknowledges a cookie's SYN-ACK. Sets the client's first sequence number, the cookie, and what was kept of the offer; the
// time stamps are p's own.
bool syn_cookie_read(
	const struct core *c, const struct pkt *p, uint32_t *isn, struct syn_cookie *cookie,
	struct tcp_offer *offer
);
