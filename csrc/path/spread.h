// SPDX-License-Identifier: BSD-3-Clause
// Which worker has what comes from a client, where no device decides it; and how a session is found where nobody can know
// its worker.
#pragma once

#include "path/core.h"

// The worker of a client's flow, or of a datagram's fragments: the same for all who ask. `tells`: what sets it apart from others
// between the two addresses; of a flow, the client's port in the upper half and the service's in the lower, as on the wire.
uint16_t spread_worker(const struct core *c, struct ipaddr src, struct ipaddr dst, uint32_t tells);

// This worker has no session for the packet: hands it to the next one that has not been asked, in a round that begins at
// worker `first`, the same for all packets of a flow; the one it came in by may be asked twice. False: all have been asked, and
// the packet is as it was.
bool spread_search(const struct core *c, struct pkt *p, uint16_t first);
