// SPDX-License-Identifier: BSD-3-Clause
// What a packet or an entry is found by in the session table, and where that leads.
#pragma once

#include "path/session.h"

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_prefetch.h>
#include <string.h>

// addrs6: source and destination, when the kind says IPv6.
struct session_key {
	const struct flow_key *key;
	const uint8_t *addrs6;
	uint8_t kind;
};

// Of a table, what does not change while a burst is looked up.
struct session_index {
	struct hash_seed seed;
	const struct session_group *groups;
	uint32_t mask;
};

static inline struct session_index session_index(const struct session_table *t) {
	return (struct session_index){t->seed, t->groups, t->group_mask};
}

static __rte_always_inline struct session_key session_key_of_pkt(const struct pkt *p) {
	return (struct session_key){&p->key, pkt_addrs6(p), p->kind};
}

static inline struct session_key session_key_of_entry(const struct session *s, enum direction dir) {
	return (struct session_key){&s->key[dir], session_addrs(s)->addr[dir][0], s->kind[dir]};
}

// Both addresses or both ports of a flow_key as they stand there, the first one and the one behind it.
static inline uint64_t session_addresses(uint32_t src_be, uint32_t dst_be) {
#if RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN
	return src_be | (uint64_t)dst_be << 32;
#else
	return (uint64_t)src_be << 32 | dst_be;
#endif
}

static inline uint32_t session_ports(uint16_t sport_be, uint16_t dport_be) {
#if RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN
	return sport_be | (uint32_t)dport_be << 16;
#else
	return (uint32_t)sport_be << 16 | dport_be;
#endif
}

// addresses: of IPv6 their hash.
static inline uint64_t session_parts_hash(
	const struct hash_seed *seed, uint64_t addresses, uint32_t ports, uint8_t kind
) {
	return hash_16(seed, addresses, (uint64_t)kind << 32 | ports);
}

// Each address by itself, as wyhash has its lanes: the two multiplications do not wait for each other. What they come to is hashed with the
// ports.
static inline uint64_t session_hash6(const struct hash_seed *seed, const uint64_t half[4]) {
	return hash_mix(half[0] ^ seed->a, half[1] ^ seed->b)
		+ hash_mix(half[2] ^ seed->b, half[3] ^ seed->a ^ 0x9e3779b97f4a7c15ULL);
}

static __rte_always_inline uint64_t
session_key_hash(const struct hash_seed *seed, struct session_key k) {
	uint64_t addresses, half[4];
	uint32_t ports;

	memcpy(&ports, &k.key->sport_be, sizeof(ports));
	if (likely(!(k.kind & KIND_V6))) {
		memcpy(&addresses, &k.key->src_be, sizeof(addresses));
	} else {
		memcpy(half, k.addrs6, sizeof(half));
		addresses = session_hash6(seed, half);
	}
	return session_parts_hash(seed, addresses, ports, k.kind);
}

// 0 is the tag of a free slot.
static inline uint8_t session_tag(uint64_t hash) {
	uint8_t tag = hash >> 56;

	return tag != 0 ? tag : 1;
}

static inline struct session_place session_place_of_hash(
	const struct session_index *x, uint64_t hash
) {
	return (struct session_place){(uint32_t)hash & x->mask, session_tag(hash)};
}

static __rte_always_inline struct session_place session_place(
	const struct session_index *x, struct session_key k
) {
	return session_place_of_hash(x, session_key_hash(&x->seed, k));
}

static inline void session_place_prefetch(
	const struct session_table *t, struct session_place place
) {
	rte_prefetch0(&t->groups[place.group]);
}

static inline struct session_place session_place_of_pkt(const struct pkt *p) {
	return (struct session_place){p->group, p->tag};
}

static inline struct session_place session_place_of_entry(
	const struct session_table *t, const struct session *s, enum direction dir
) {
	const struct session_index index = session_index(t);

	return session_place(&index, session_key_of_entry(s, dir));
}

// The first step of a look-up: the packet's group, on its way into the cache.
static __rte_always_inline void session_hash(const struct session_index *x, struct pkt *p) {
	struct session_place place = session_place(x, session_key_of_pkt(p));

	p->group = place.group;
	p->tag = place.tag;
	rte_prefetch0(&x->groups[place.group]);
}
