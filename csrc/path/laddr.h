// SPDX-License-Identifier: BSD-3-Clause
// Local addresses of one worker and their ports; a session takes one of its RS's family. A port is free for an RS while no session on this worker has the key
// (RS, local address, port), so the session table itself is the record of what is taken: one address serves 64,512
// sessions for each RS and protocol, and ports cost no memory beyond a turn for each RS. Candidates come from a
// walk over all (address, port) pairs that visits each once before any comes again, so a port just released is the
// last to be reused; each lap takes another stride, so sessions that live long do not form runs. A walk goes through the ports of
// all addresses side by side, so it goes on where it was when addresses come or go.
//
// An RS is spoken to from the addresses of the port that leads to it, where the worker has any there, and else from all: the others
// need not be reachable from that side.
//
// An address whose replies the device brings by RSS (path/rss_port.h) is one of all workers, and each takes those of its ports that
// lead to it: for one RS no port leads to two workers.
#pragma once

#include "base/ipaddr.h"
#include "path/probe.h"
#include "path/session.h"

#include <rte_byteorder.h>
#include <rte_common.h>
#include <stdbool.h>
#include <stdint.h>

struct rss_port;

enum {
	LADDR_PORT_FIRST = 1024,
	LADDR_PORTS = 65536 - LADDR_PORT_FIRST,
	LADDR_TRIES = 64, // candidates a new session may look at
	LADDR_ANY_PORT = UINT16_MAX,
	LADDR_NOWHERE = UINT16_MAX,
};

struct laddr {
	struct ipaddr addr;
	const struct rss_port *rss; // shared with all workers; NULL: this worker's alone
	uint32_t rss_hash; // what the address adds to a reply's hash
	uint16_t port; // whose it is
	uint16_t slot; // its number in the engine
};

// Sessions of an address on one worker, and probes that it has seen. Worker writes, admin reads; nobody refers to the one of a slot
// without address, so admin clears it.
struct laddr_use {
	_Alignas(64) uint64_t active;
	uint64_t sessions;
	uint64_t probes[SLB_PROBE_COUNT][PROBE_SEEN_COUNT];
};

enum laddr_family { LADDR_V4 = 0, LADDR_V6, LADDR_FAMILIES };

// The addresses that new sessions of a worker may use.
struct laddr_set {
	uint16_t worker; // whose it is
	uint32_t serial; // of no other set, and not 0
	uint32_t n_of[LADDR_FAMILIES];
	uint32_t n_on[SLB_MAX_PORTS][LADDR_FAMILIES]; // of these, each port's
	bool one_port[LADDR_FAMILIES]; // they are all the same port's, or there are none
	uint16_t place[SLB_MAX_LADDRS]; // in laddrs, by slot; or LADDR_NOWHERE
	struct laddr laddrs[]; // the IPv4 ones come first
};

struct laddr_candidate {
	uint16_t laddr; // index into laddrs
	uint16_t port_be;
};

// A candidate with the group that its key leads to, which is in the cache when it is needed.
struct laddr_drawn {
	struct laddr_candidate candidate;
	struct session_place place;
};

// An RS's next candidates, taken from its walk ahead. Two, so that one which has to wait for memory is not waited for (path/local_port.c).
enum { LADDR_AHEAD = 2 };

struct laddr_ahead {
	_Alignas(32) uint32_t serial; // of the set they are from; 0: there are none
	uint16_t port; // of their addresses; or LADDR_ANY_PORT
	uint8_t turn; // which of them is next
	bool waits; // for a session that tells whether it is taken
	struct laddr_drawn drawn[LADDR_AHEAD];
};

_Static_assert(sizeof(struct laddr_ahead) == 32, "they are half a cache line");

// How far a walk has come.
struct laddr_turn {
	uint32_t step; // in each address's ports
	uint16_t
		next; // number of the address whose turn it is in this step; beyond the last one: the next step's first
	uint16_t
		port; // of this step, at those addresses that are the worker's alone; 0: not yet known
};

// So many that RS seldom share one.
static inline uint32_t laddr_walks(uint32_t rs_max) {
	return 4 * rs_max;
}

// A walk over the ports of all addresses of a family.
struct laddr_walk {
	const struct laddr_set *set;
	enum laddr_family family;
	uint16_t port; // that has an address of the family; or LADDR_ANY_PORT
	uint16_t rs_port_be;
	struct ipaddr rs;
	// Of all who compete for the same ports, those of one RS address, port and protocol.
	struct laddr_turn *turn;
	uint32_t salt;
	// what the RS adds to a reply's hash, by the key of the address looked at last
	const struct rss_port *rss;
	uint32_t rss_hash;
};

static inline struct laddr_candidate laddr_candidate(
	const struct laddr_set *set, const struct laddr *laddr, uint16_t port
) {
	return (struct laddr_candidate){
		.laddr = (uint16_t)(laddr - set->laddrs), .port_be = rte_cpu_to_be_16(port)
	};
}

static inline const struct laddr *laddr_at(
	const struct laddr_set *set, enum laddr_family family, uint32_t number
) {
	return &set->laddrs[(family == LADDR_V4 ? 0 : set->n_of[LADDR_V4]) + number];
}

// Another one, where the last has no port of this step: laddr_next() without its usual case.
struct laddr_candidate laddr_search(struct laddr_walk *w);

// The usual case where any port's addresses will do: the next address has the same port as the last one. False: it is not, and nothing was done.
static __rte_always_inline bool laddr_next_fast(
	const struct laddr_set *set, enum laddr_family family, struct laddr_turn *turn,
	struct laddr_candidate *next
) {
	const struct laddr *l = laddr_at(set, family, turn->next);

	if (turn->next >= set->n_of[family] || turn->port == 0 || l->rss != NULL)
		return false;
	turn->next++;
	*next = laddr_candidate(set, l, turn->port);
	return true;
}

// The worker must have a local address of the family.
static inline struct laddr_candidate laddr_next(struct laddr_walk *w) {
	struct laddr_candidate next;

	if (w->port == LADDR_ANY_PORT && laddr_next_fast(w->set, w->family, w->turn, &next))
		return next;
	return laddr_search(w);
}

// What an address adds to the hash of the packets sent to it.
uint32_t laddr_rss_hash(const struct rss_port *rss, struct ipaddr addr);
