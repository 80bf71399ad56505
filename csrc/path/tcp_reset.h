// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "path/core.h"

enum { RESET_PPS = 1024 }; // that a worker sends at most

// Whether a segment's checksum is right: a damaged one tells nothing of the connection that it names.
bool tcp_is_whole(const struct pkt *p);

// Turns a TCP packet into an RST to its sender (RFC 9293, 3.10.7.1), which is counted as a drop for this reason all the same. Only
// drops a RST, the start of a connection, a wrong checksum, a source that cannot be answered and what exceeds the rate.
void tcp_reset(struct core *c, struct pkt *p, enum slb_drop reason);

// The same for a packet of a session, which only that session's ends send: at any rate.
void tcp_reset_session(struct core *c, struct pkt *p, enum slb_drop reason);

// Decides a TCP packet that belongs to no session: tcp_reset() where `tcp.no_session` says so, else dropped.
void tcp_refuse(struct core *c, struct pkt *p, enum slb_drop reason);
