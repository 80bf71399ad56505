// SPDX-License-Identifier: BSD-3-Clause
// The session table of one worker: fixed capacity, memory given at start, no pointers inside.
//
// An entry is one cache line and serves both directions. Two keys lead to it: the client's side and the RS's side. Where
// one side or both are IPv6, a second line behind the first holds the addresses. The two sizes have a region
// each in one array of lines, and a session's id is the number of its first line, so nobody but the taker of
// an entry asks which region it is in.
//
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

#include <rte_prefetch.h>
#include <stdbool.h>
#include <string.h>

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

// What packets of a session need beyond new addresses, ports and numbers.
enum session_extra {
	SESSION_TOA = 1 << 0, // the RS is told who its client is: by an option,
	SESSION_SYN_PROXY = 1 << 1, // the client's handshake was with the LB
	SESSION_PROXY = 1 << 2, // or by a PROXY header
	SESSION_TELLS = 1 << 3, // a segment has gone that should tell it
	SESSION_TOLD = 1 << 4, // the RS has answered it
	SESSION_PAST = 1 << 5, // the PROXY header is so far behind that all numbers are beyond it
	SESSION_UNTOLD = 1 << 6, // there can be no PROXY header
	SESSION_RESET = 1
		<< 7, // nothing of either end reaches the other any more (path/session_reset.h)
};

struct session {
	struct flow_key key[2]; // enum direction, as the arriving packet has it
	uint32_t rs : 23; // slot
	uint32_t epoch : 1; // in which it was made (path/spread.h)
	uint32_t extras : 8; // enum session_extra; but for the last, the session has a stream
	uint32_t seen; // tick of the last packet
	uint32_t next; // timer wheel, or free list
	uint32_t prev;
	uint32_t hop_gen; // forwarding view the hops were looked up in, never the same again
	uint16_t hop[2]; // cached next hop, by direction of the packet
	uint32_t seq_delta; // added to the client's sequence numbers on the way to the RS
	uint32_t ts_delta; // and to its time stamps
	uint16_t ip_delta; // addresses, DIR_IN; DIR_OUT is its inverse
	uint16_t l4_delta; // addresses and ports
	uint8_t kind[2]; // as in struct pkt, by direction; 0: the entry is free
	uint8_t state; // enum slb_tcp_state
	uint8_t policy; // number
};

// The second line: source and destination of the arriving packet, by direction; of an IPv4 side, zeros.
struct session_addrs {
	uint8_t addr[2][2][IP6_BYTES];
};

_Static_assert(sizeof(struct session) == 64, "a session is a cache line");
_Static_assert(sizeof(struct session_addrs) == 64, "its IPv6 addresses are another");

enum session_width { SESSION_NARROW = 0, SESSION_WIDE, SESSION_WIDTHS };

struct session_region {
	uint32_t first; // line
	uint32_t end;
	uint32_t
		fresh; // lines from here on were never used, so starting costs no walk over the memory
	uint32_t free_head;
};

struct session_table {
	struct session *entries;
	struct session_group *groups;
	uint32_t lines; // of all regions
	uint32_t capacity; // sessions
	uint32_t group_mask;
	uint32_t active;
	struct session_region regions[SESSION_WIDTHS];
	struct hash_seed seed;
};

static inline struct session_addrs *session_addrs(const struct session *s) {
	return (struct session_addrs *)(uintptr_t)(s + 1);
}

static inline bool session_is_v6(const struct session *s, enum direction dir) {
	return (s->kind[dir] & KIND_V6) != 0;
}

// Source and destination of the packets that arrive in a direction.
static inline struct ipaddr session_src(const struct session *s, enum direction dir) {
	return session_is_v6(s, dir) ? ipaddr_from_v6(session_addrs(s)->addr[dir][0])
				     : ipaddr_from_v4(s->key[dir].src_be);
}

static inline struct ipaddr session_dst(const struct session *s, enum direction dir) {
	return session_is_v6(s, dir) ? ipaddr_from_v6(session_addrs(s)->addr[dir][1])
				     : ipaddr_from_v4(s->key[dir].dst_be);
}

static inline uint8_t session_proto(const struct session *s) {
	return s->kind[DIR_IN] & (uint8_t)~KIND_V6;
}

// Lines that so many narrow and wide sessions need.
static inline uint32_t session_lines(uint32_t narrow, uint32_t wide) {
	return narrow + 2 * wide;
}

// Groups needed for `capacity` sessions at a load of at most three quarters; a power of two.
uint32_t session_groups(uint32_t capacity);

// entries: session_lines() of them; groups: session_groups(narrow + wide), zeroed.
void session_table_init(
	struct session_table *t, struct session *entries, struct session_group *groups,
	uint32_t narrow, uint32_t wide, struct hash_seed seed
);

// Bytes of entries and groups together.
uint64_t session_bytes(const struct session_table *t);

// Stage of the path: finds the sessions of a burst's packets, hashed where that was parsed if all are plain; where one is found sets
// session and dir.
void session(struct session_table *t, struct burst *b);

// For a packet that session() has hashed: sets session and dir of p as it does.
void session_find(struct session_table *t, struct pkt *p);

// The session of a packet that is described, not there: `addrs6` are its source and destination if `kind` says IPv6. NULL: none, and
// *dir is unset.
struct session *session_lookup(
	const struct session_table *t, const struct flow_key *key, const uint8_t *addrs6,
	uint8_t kind, uint8_t *dir
);

static inline enum session_width session_width_of(const struct session_table *t, uint32_t id) {
	return id >= t->regions[SESSION_WIDE].first ? SESSION_WIDE : SESSION_NARROW;
}

static inline uint32_t session_id(const struct session_table *t, const struct session *s) {
	return (uint32_t)(s - t->entries);
}

// Takes a free entry, zeroed but for its links; SESSION_NIL when there is none of this width.
static inline uint32_t session_take(struct session_table *t, enum session_width width) {
	struct session_region *r = &t->regions[width];
	uint32_t id = r->free_head;

	if (id != SESSION_NIL) {
		r->free_head = t->entries[id].next;
		// The one that is taken next; if there is none, the address is not looked at.
		rte_prefetch0(&t->entries[r->free_head]);
	} else if (r->fresh < r->end) {
		id = r->fresh;
		r->fresh += width == SESSION_WIDE ? 2 : 1;
	} else {
		return SESSION_NIL;
	}
	memset(&t->entries[id], 0, sizeof(t->entries[id]));
	if (width == SESSION_WIDE)
		memset(session_addrs(&t->entries[id]), 0, sizeof(struct session_addrs));
	t->active++;
	return id;
}

// For a walk over all entries: the first line at or behind `line` in which an entry begins or once began (kind[DIR_IN] tells
// which); t->lines when there is none.
uint32_t session_at(const struct session_table *t, uint32_t line);

bool session_is_full(const struct session_table *t, enum session_width width);

// Gives an entry back that is in no group.
static inline void session_give(struct session_table *t, uint32_t id) {
	struct session_region *r = &t->regions[session_width_of(t, id)];

	t->entries[id].kind[DIR_IN] = 0;
	t->entries[id].next = r->free_head;
	r->free_head = id;
	t->active--;
}

// Where a key leads: its first group in the index, and its tag there (path/session_key.h).
struct session_place {
	uint32_t group;
	uint8_t tag;
};
