// SPDX-License-Identifier: BSD-3-Clause
// PROXY protocol, version 2 (HAProxy, proxy-protocol.txt, 2.2): a header with the addresses and ports of client and VIP, which
// the RS finds in front of the client's first byte. The RS counts it, the client does not.
#pragma once

#include "path/core.h"

enum { PROXY4_BYTES = 28, PROXY6_BYTES = 52 };

static inline uint32_t proxy_bytes(const struct session *s) {
	return session_is_v6(s, DIR_IN) ? (uint32_t)PROXY6_BYTES : (uint32_t)PROXY4_BYTES;
}

// What a client's segment needs, by its number: PKT_TELL, PKT_BEHIND or nothing. False: it must not go on, since with it
// the RS could find bytes of the client's where it expects the header.
bool proxy_plan(const struct core *c, struct pkt *p);

// What an RS's segment says of the header.
void proxy_hear(struct core *c, const struct pkt *p);

// Puts the header in front of the segment's data. False: there is no room before the frame, and nothing has changed.
bool proxy_put(struct pkt *p);

// The numbers of a client's segment behind the header, as the RS counts, and of an RS's, as the client does; both yet
// without what tcp_shift() adds. The TCP checksum stays as right or wrong as it was.
void proxy_count(const struct core *c, struct pkt *p);

// Of a number that the RS counts so, how much the client counts less: nothing in a session without header.
uint32_t proxy_counted(const struct core *c, const struct session *s, uint32_t number);

// Back to the numbers with which a packet of the session was sent that is quoted, as far as they are there; whole: so are its
// options. Returns the checksum delta, unfolded.
uint32_t proxy_uncount(
	const struct core *c, const struct session *s, struct pkt *quoted, bool whole
);
