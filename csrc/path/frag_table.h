// SPDX-License-Identifier: BSD-3-Clause
// The datagrams whose fragments this worker is the home of, and the fragments that wait for the first of theirs. A datagram
// is remembered for a fixed time from its first fragment to arrive, whatever comes of it, so the oldest is always the
// next to go: they stand in a ring, in order of age. All memory is given at start; only the worker touches it.
#pragma once

#include "base/hash.h"
#include "path/frag_cover.h"
#include "path/pkt.h"

enum { FRAG_NIL = UINT32_MAX, FRAG_HELD_BYTES = 1 << 20 };

struct frag_key {
	struct ipaddr src;
	struct ipaddr dst;
	uint32_t id;
	uint32_t kind;
};

struct datagram {
	struct frag_key key;
	uint32_t next; // of its bucket
	uint32_t born; // tick
	uint32_t id; // what its fragments get
	uint32_t held_first; // those that wait, in order of arrival
	uint32_t held_last;
	uint16_t sport_be; // of its first fragment, when flags has PKT_PORTS_KNOWN
	uint16_t dport_be;
	uint8_t flags; // enum pkt_flag, for all its fragments
	bool condemned;
	uint16_t reason; // enum slb_drop, of one that is condemned
	struct cover cover;
};

struct frag_held {
	struct rte_mbuf *m;
	uint32_t next;
	uint32_t bytes;
};

// The session of a one-packet question in fragments, to which no key of the client's leads.
struct frag_question {
	uint32_t id; // identification of the datagram
	uint32_t session;
	uint64_t replies; // hash of their key: tells it from one that has its entry after it
};

struct frag_table {
	uint32_t capacity; // datagrams
	uint32_t n;
	uint32_t oldest; // its place in the ring
	uint32_t mask; // of buckets
	uint32_t question_mask;
	uint32_t held_max;
	uint32_t held_bytes;
	uint32_t held_unused; // list of free places
	uint32_t count; // of identifications given
	struct hash_seed seed;
	struct datagram *ring; // where the memory begins
	uint32_t *buckets;
	struct frag_question *questions;
	struct frag_held *held;
};

// Bytes of memory for so many datagrams and held fragments.
uint64_t frag_table_bytes(uint32_t datagrams, uint32_t held);

// memory: frag_table_bytes() of it.
void frag_table_init(
	struct frag_table *t, void *memory, uint32_t datagrams, uint32_t held, struct hash_seed seed
);

struct datagram *frag_find(const struct frag_table *t, const struct frag_key *key);

// Adds one; there must be room.
struct datagram *frag_add(struct frag_table *t, const struct frag_key *key, uint32_t now);

static inline bool frag_is_full(const struct frag_table *t) {
	return t->n == t->capacity;
}

// NULL: there is none.
static inline struct datagram *frag_oldest(const struct frag_table *t) {
	return t->n > 0 ? &t->ring[t->oldest] : NULL;
}

// Of the oldest, for which none may wait.
void frag_remove_oldest(struct frag_table *t);

// False: there is no room, the packet stays the caller's.
bool frag_hold(struct frag_table *t, struct datagram *d, struct rte_mbuf *m, uint32_t bytes);

// Takes the one that has waited longest; NULL when none waits.
struct rte_mbuf *frag_release(struct frag_table *t, struct datagram *d);

static inline struct frag_question *frag_question(const struct frag_table *t, uint32_t id) {
	return &t->questions[id & t->question_mask];
}
