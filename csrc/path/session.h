// SPDX-License-Identifier: BSD-3-Clause
// The session table of one worker: fixed capacity, memory given at start, no pointers inside.
//
// An entry is one cache line and serves both directions. Two keys lead to it: the client's side and the RS's side.
// The index is an array of groups, a cache line each: 12 one-byte tags compared at once and 12 entry references.
// A key may live in two groups, its first one and an alternative that follows from first group and tag alone
// (partial-key cuckoo hashing: Fan et al., "MemC3", NSDI 2013), so entries can be moved without reading
// their keys. A group counts how many of its keys live elsewhere; while that is 0 a look-up reads one line.
//
// Only the worker that owns the table touches it. A look-up is done for a burst in three stages, so that memory
// latency is paid once a burst: hash and prefetch the group; compare tags and prefetch the entry; compare keys.
#pragma once

#include "base/hash.h"
#include "path/pkt.h"

#include <stdbool.h>

enum { GROUP_SLOTS = 12, SESSION_NIL = 0x3fffffff };

// A reference in a group: entry number, which of its two keys, and whether this is the key's alternative group.
enum { REF_DIR = 1u << 30 };
#define REF_MOVED 0x80000000u

struct session_group {
	uint8_t tags[GROUP_SLOTS]; // 0: free
	uint16_t away; // keys of this group that live in their alternative
	uint16_t reserved;
	uint32_t refs[GROUP_SLOTS];
};

_Static_assert(sizeof(struct session_group) == 64, "a group is a cache line");

struct session {
	struct flow_key key[2]; // enum direction, as the arriving packet has it
	uint32_t rs; // slot
	uint32_t seen; // tick of the last packet
	uint32_t next; // timer wheel, or free list
	uint32_t prev;
	uint16_t hop[2]; // cached next hop, by direction of the packet
	uint32_t hop_gen[2]; // forwarding view it was looked up in, never the same again
	uint16_t ip_delta; // addresses, DIR_IN; DIR_OUT is its inverse
	uint16_t l4_delta; // addresses and ports
	uint16_t vs; // slot
	uint16_t laddr; // number on this worker
	uint8_t proto;
	uint8_t state; // enum slb_tcp_state
	uint16_t reserved;
};

_Static_assert(sizeof(struct session) == 64, "a session is a cache line");

struct session_table {
	struct session *entries;
	struct session_group *groups;
	uint32_t capacity;
	uint32_t group_mask;
	uint32_t active;
	uint32_t free_head;
	uint32_t
		fresh; // entries from here on were never used, so starting costs no walk over the memory
	struct hash_seed seed;
};

// Groups needed for `capacity` sessions at a load of at most three quarters; a power of two.
uint32_t session_groups(uint32_t capacity);

void session_table_init(
	struct session_table *t, struct session *entries, struct session_group *groups,
	uint32_t capacity, struct hash_seed seed
);

// Bytes of entries and groups together.
uint64_t session_bytes(const struct session_table *t);

// Stage of the path: finds the sessions of a burst's packets; where one is found sets session and dir.
void session(struct session_table *t, struct burst *b);

// One key, for the miss path. Sets session and dir of p as session() does.
void session_find(struct session_table *t, struct pkt *p);

// Takes a free entry, zeroed but for its links; SESSION_NIL when the table is full.
uint32_t session_take(struct session_table *t);

// Gives an entry back that is in no group.
void session_give(struct session_table *t, uint32_t id);

// Enters one of the entry's keys: 0, -EEXIST when another session has it, -ENOSPC when both groups are full.
int session_insert(struct session_table *t, uint32_t id, enum direction dir);

void session_remove(struct session_table *t, uint32_t id, enum direction dir);
