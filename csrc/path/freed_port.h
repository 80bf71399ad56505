// SPDX-License-Identifier: BSD-3-Clause
// Local ports that sessions of crowded RS have given back, of each RS the oldest first. Where most ports towards an RS are taken, a walk (laddr.h)
// meets many before it finds a free one; these were free a moment ago, so that a choice takes as long however few are left. Each is
// no more than a hint: the session table says whether it is still free.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
	FREED_RINGS = 64, // RS beyond that share one, and then find fewer of theirs
	FREED_PORTS = 256, // in each
};

struct freed_port {
	uint64_t rs; // a keyed hash of its address, port and protocol, so wide that no two meet
	uint16_t slot; // of the local address
	uint16_t port_be;
};

struct freed_ring {
	uint32_t given, taken; // so many ever; what is between them is there
	struct freed_port ports[FREED_PORTS];
};

// Beyond FREED_PORTS the oldest goes.
static inline void freed_port_give(struct freed_ring *rings, struct freed_port port) {
	struct freed_ring *r = &rings[port.rs % FREED_RINGS];

	r->ports[r->given++ % FREED_PORTS] = port;
	if (r->given - r->taken > FREED_PORTS)
		r->taken++;
}

// What other RS have given that share the ring is left out.
static inline bool freed_port_take(struct freed_ring *rings, uint64_t rs, struct freed_port *port) {
	struct freed_ring *r = &rings[rs % FREED_RINGS];

	while (r->taken != r->given) {
		*port = r->ports[r->taken++ % FREED_PORTS];
		if (port->rs == rs)
			return true;
	}
	return false;
}
