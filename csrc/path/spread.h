// SPDX-License-Identifier: BSD-3-Clause
// Which worker has what comes from a client, where no device decides it; and how a session is found where nobody can know
// its worker, or where its worker is not the one that the client's packets come to any more.
//
// A client's flow has one of 256 places, and each place a worker. When the number of workers changes, places move, and so do those of
// the devices' tables; sessions do not. So a worker that has been given some asks, for a packet without session, the workers that
// had them before, one after the other: each has the session, and works on the packet, or hands it back. Who asks makes the
// session when nobody has it, so there is one who makes it, and nobody asks for another.
#pragma once

#include "path/core.h"

enum { SPREAD_PLACES = 256 };

// What one worker knows of it; swapped when it changes.
struct spread {
	uint16_t n_active; // workers that clients are spread over: the first ones
	bool active; // this is one of them
	bool ends; // this worker's sessions are to end now
	bool moved; // some worker may have sessions of clients that come to another by now
	bool lately; // so lately that these may only be beginning
	uint8_t epoch; // that its new sessions are counted in
	uint32_t
		queue_before; // a bit for each worker that may have sessions of clients that this worker's queues get by now
	uint8_t worker[SPREAD_PLACES];
	uint32_t before[SPREAD_PLACES]; // likewise of a place's clients
};

// The place of a client's flow, or of a datagram's fragments: the same for all who ask. `tells`: what sets it apart from others
// between the two addresses; of a flow, the client's port in the upper half and the service's in the lower, as on the wire.
uint8_t spread_place(struct ipaddr src, struct ipaddr dst, uint32_t tells);

// The worker of a flow or of fragments, where no device decides it.
uint16_t spread_worker(const struct core *c, struct ipaddr src, struct ipaddr dst, uint32_t tells);

// This worker has no session for the packet: hands it to the next one that has not been asked, in a round that begins at
// worker `first`, the same for all packets of a flow; the one it came in by may be asked twice. False: all have been asked, and
// the packet is as it was.
bool spread_search(const struct core *c, struct pkt *p, uint16_t first);

// This worker has no session for a client's packet that is its own by now: hands it to the next worker that has not been asked, of
// those that may have it from before. False: there is none.
bool spread_ask(const struct core *c, struct pkt *p, uint32_t before);

// True: another worker has asked for the packet's session; it is not here, and the packet goes back.
bool spread_answer(const struct core *c, struct pkt *p);
