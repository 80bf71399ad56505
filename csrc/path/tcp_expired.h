// SPDX-License-Identifier: BSD-3-Clause
// `tcp.expired: reset`: both ends of a connection are told when its session ends before it does
// (docs/decisions/0011-tcp-numbers-and-resets.md).
#pragma once

#include "path/core.h"

// Keeps a packet's acknowledgement, if it has one.
void tcp_keep_ack(struct core *c, const struct pkt *p);

// As tcp_tell_ends(), for a packet's session that is over with it: what it acknowledges its sender expects.
void tcp_tell_late(struct core *c, const struct pkt *p);

// Sends an RST to each end of an open connection whose acknowledgement is known. Nothing without the setting.
void tcp_tell_ends(struct core *c, struct session *s);

// Sends an RST to the end whose packets arrive in this direction; false: what it expects is not known.
bool tcp_tell_end(struct core *c, struct session *s, enum direction end);
