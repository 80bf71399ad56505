// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "path/core.h"

// Decides an ICMP packet: echo requests to a VIP or a local address are answered on the spot, errors about
// a session's packets go on to who sent them, what is for the port's own addresses is punted.
void icmp(struct core *c, struct pkt *p, enum source from);
