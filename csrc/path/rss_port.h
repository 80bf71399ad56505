// SPDX-License-Identifier: BSD-3-Clause
// Local ports whose replies the device itself brings to the worker that holds the session, though it knows no rules: only a
// key and a redirection table, whichever they are.
//
// The device hashes a reply's addresses and ports (base/toeplitz.h), takes the lower bits of the hash as its place in the table,
// and the table names the queue. The hash is linear, so the place is (hash of all but the local port) ^ (hash
// of the local port). The class of a port is the latter's lower bits. Ports of a class are those that
// differ from one of them by a port of class 0, and these are all the sums (XOR) of 16 - b independent ones, where b is the bits of a place.
// So "the i-th port of class v" is an XOR of table entries, and a worker's candidates are: each of its places in the table, and of
// the class that leads there each port. No memory is needed for what is free (path/laddr.h).
//
// Everything here is made before workers start, the same for all of them, and only read from then on. Because every worker can
// compute a reply's place, every worker knows whose it is, wherever it arrives.
#pragma once

#include "base/err.h"
#include "base/toeplitz.h"
#include "slb.h"

#include <stdbool.h>

enum { RSS_TABLE_MAX = 512, RSS_KEY_MAX = 64, RSS_LAPS = 11 };

enum rss_family { RSS_V4 = 0, RSS_V6, RSS_FAMILIES };

// What a port's device hashes by and where to.
struct rss_facts {
	uint8_t key[RSS_KEY_MAX];
	uint16_t key_len;
	uint16_t table_len;
	uint8_t worker[RSS_TABLE_MAX]; // by place in the table; one that does not exist: none's
	uint16_t n_workers;
	bool able[RSS_FAMILIES]; // families whose TCP and UDP it hashes by their ports
	bool wanted[RSS_FAMILIES]; // of these, those that are to be steered
};

// The places that lead to one worker, and the order of a walk over its candidates.
struct rss_share {
	uint16_t first; // in places
	uint16_t n;
	uint8_t bits; // of a candidate's number: those of the number of a place, and above them those of a class's port
	uint16_t strides[RSS_LAPS];
};

struct rss_classes {
	uint16_t port[RSS_TABLE_MAX]; // one port of each class
	// What the lower and the upper byte of a number add to the port of class 0 that has this number.
	uint16_t zero[2][256];
};

struct rss_port {
	struct toeplitz key;
	uint16_t mask; // of a place
	uint8_t bits; // of a place
	uint8_t worker[RSS_TABLE_MAX];
	uint16_t places[RSS_TABLE_MAX]; // by worker
	struct rss_share share[SLB_MAX_WORKERS];
	bool serves[RSS_FAMILIES]; // those wanted, and others where it can
	struct rss_classes classes[RSS_FAMILIES];
};

// -ENOTSUP with a sentence when these facts do not give each worker, for whatever RS and local address, ports whose replies
// reach it: a key too short or too regular, a table of another size than a power of two, a worker that has no place in it.
int rss_port_init(struct rss_port *r, const struct rss_facts *facts, struct err *e);

static inline uint16_t rss_port_worker(const struct rss_port *r, uint32_t hash) {
	return r->worker[hash & r->mask];
}

// Candidate number `step` of a walk over the local ports that bring replies to the worker; `hash` is of all but the local port. A walk
// visits each port once in every 2^bits steps, and each time in another order. 0: this step has none, which is so for
// less than half of them, and the ports below 1024 besides.
uint16_t rss_port_candidate(
	const struct rss_port *r, enum rss_family family, uint16_t worker, uint32_t hash,
	uint32_t step, uint32_t salt
);
