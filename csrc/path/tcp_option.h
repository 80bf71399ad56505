// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "path/core.h"

// Lowers the maximum segment size that a SYN of a session announces (RFC 9293, 3.7.1) to what `tcp.mss` allows; never raises it,
// and adds none. The packet has its new IP header, and its TCP checksum stays as right or wrong as it was.
void tcp_clamp_mss(const struct core *c, struct pkt *p);
