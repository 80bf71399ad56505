// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "path/core.h"

enum { ERROR_PPS = 1024 }; // that a worker makes at most

// Drop a packet of a service that cannot go on as it is, and tell its sender: its time to live is used up, or it is longer than
// `mtu`, which is one for packets of its own family. The packet becomes the error and is counted as that drop all the
// same. Only dropped are ICMP errors, later fragments, packets from where nobody can be answered, and what exceeds the rate; one
// that was sent to a group does not come this far.
void icmp_time_exceeded(struct core *c, struct pkt *p);
void icmp_too_big(struct core *c, struct pkt *p, uint32_t mtu);
