// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "path/core.h"

enum { RESET_PPS = 1024 }; // that a worker sends at most

// Decides a TCP packet that belongs to no session: dropped for this reason, or, where `tcp.no_session` says so, turned into an
// RST to its sender (RFC 9293, 3.10.7.1), which is counted as that drop all the same. Only drops a RST, the start of
// a connection, a wrong checksum, a source that cannot be answered and what exceeds the rate.
void tcp_refuse(struct core *c, struct pkt *p, enum slb_drop reason);
