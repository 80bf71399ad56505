// SPDX-License-Identifier: BSD-3-Clause
// Local addresses of one worker and their ports; a session takes one of its RS's family. A port is free for an RS while no session on this worker has the key
// (RS, local address, port), so the session table itself is the record of what is taken: one address serves 64,512
// sessions for each RS and protocol, and ports cost no memory beyond a turn for each RS. Candidates come from a
// walk over all (address, port) pairs that visits each once before any comes again, so a port just released is the
// last to be reused; each lap takes another stride, so sessions that live long do not form runs.
#pragma once

#include "base/ipaddr.h"

#include <stdbool.h>
#include <stdint.h>

struct owner_map;

enum {
	LADDR_PORT_FIRST = 1024,
	LADDR_PORTS = 65536 - LADDR_PORT_FIRST,
	LADDR_TRIES = 64, // candidates a new session may look at
};

struct laddr {
	struct ipaddr addr;
	uint16_t port; // whose addresses it belongs to
	// worker writes, admin reads
	uint64_t active;
	uint64_t sessions;
};

enum laddr_family { LADDR_V4 = 0, LADDR_V6, LADDR_FAMILIES };

struct laddr_set {
	uint32_t n;
	uint32_t n_of[LADDR_FAMILIES]; // the IPv4 ones come first
	struct laddr *laddrs;
};

struct laddr_candidate {
	uint16_t laddr; // index into laddrs
	uint16_t port_be;
};

// The worker must have a local address of the family. *turn: candidates taken so far in this walk, of which there is one for all
// who compete for the same ports, those of one RS address, port and protocol.
struct laddr_candidate laddr_next(
	const struct laddr_set *set, enum laddr_family family, uint32_t *turn, uint32_t salt
);

// Which worker owns a local address: every worker has the whole map, fixed at start.
struct owner_entry {
	struct ipaddr addr;
	uint16_t worker;
	uint16_t laddr; // its index in the owner's set
	uint32_t used;
};

struct owner_map {
	uint32_t mask;
	struct owner_entry entries[];
};

enum { OWNER_NONE = UINT16_MAX };

// NULL: nobody's local address.
const struct owner_entry *owner_entry(const struct owner_map *map, struct ipaddr addr);

// The worker, or OWNER_NONE.
uint16_t owner_find(const struct owner_map *map, struct ipaddr addr);

void owner_put(struct owner_map *map, struct ipaddr addr, uint16_t worker, uint16_t laddr);
