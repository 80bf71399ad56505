// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "path/core.h"

// Decides an ICMP error for a VIP or a local address. One about a packet of a session goes on to who sent that packet,
// with its quotation as it was sent; one that another worker may know the session of is handed over.
void icmp_error(struct core *c, struct pkt *p, enum source from);
