// SPDX-License-Identifier: BSD-3-Clause
// Which worker owns what is sent to a local address: the worker that has the address, or, where the device brings replies to
// their workers by RSS (path/rss_port.h), the one that the reply's own addresses and ports lead to. Every worker has the whole
// map, and gets another when local addresses come or go.
#pragma once

#include "base/hash.h"
#include "path/pkt.h"
#include "path/rss_port.h"

#include <rte_branch_prediction.h>

struct owner_entry {
	struct ipaddr addr;
	const struct rss_port *rss; // all workers have the address; NULL: one has it
	uint16_t worker; // then
	uint16_t slot; // its number in the engine, the same as long as it is there
	uint32_t used;
};

struct owner_map {
	uint32_t mask;
	uint32_t by_octet
		[256]; // the entry of an IPv4 address that ends in this octet, where there is one
	struct owner_entry entries[];
};

enum { OWNER_NONE = UINT16_MAX };

static inline uint32_t owner_slot(const struct owner_map *map, struct ipaddr addr) {
	uint32_t i = (uint32_t)(hash_mix(addr.hi ^ 0x9e3779b97f4a7c15ULL, addr.lo) >> 8);

	for (i &= map->mask; map->entries[i].used; i = (i + 1) & map->mask)
		if (ipaddr_equal(map->entries[i].addr, addr))
			break;
	return i;
}

// NULL: nobody's local address.
static inline const struct owner_entry *owner_entry(
	const struct owner_map *map, struct ipaddr addr
) {
	const struct owner_entry *e = &map->entries[owner_slot(map, addr)];
	return e->used ? e : NULL;
}

// The same for what nearly always is an IPv4 local address: a pool of them is a range as a rule, so their last octets tell them apart.
static inline const struct owner_entry *owner_entry_v4(
	const struct owner_map *map, uint32_t addr_be
) {
	const struct ipaddr addr = ipaddr_from_v4(addr_be);
	const struct owner_entry *e = &map->entries[map->by_octet[addr.lo & 0xff]];

	return likely(ipaddr_equal(e->addr, addr)) ? e : owner_entry(map, addr);
}

void owner_put(struct owner_map *map, struct owner_entry entry);

// The worker that has the session of a packet with this key, or OWNER_NONE if it is not for a local address; `addrs6`, its
// source and destination, count if `kind` says IPv6.
uint16_t owner_of_flow(
	const struct owner_map *map, const struct flow_key *key, const uint8_t *addrs6, uint8_t kind
);

// The worker where the fragments of a datagram meet that was sent to a local address, or OWNER_NONE: where all are brought
// by a device that hashes packets without ports by their addresses.
uint16_t owner_of_fragment(const struct owner_map *map, const struct pkt *p);
