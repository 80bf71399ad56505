// SPDX-License-Identifier: BSD-3-Clause
// Which worker owns what is sent to a local address: the worker that has the address, or, where the device brings replies to
// their workers by RSS (path/rss_port.h), the one that the reply's own addresses and ports lead to. Every worker has the whole
// map, and gets another when local addresses come or go.
#pragma once

#include "path/pkt.h"
#include "path/rss_port.h"

struct owner_entry {
	struct ipaddr addr;
	const struct rss_port *rss; // all workers have the address; NULL: one has it
	uint16_t worker; // then
	uint16_t slot; // its number in the engine, the same as long as it is there
	uint32_t used;
};

struct owner_map {
	uint32_t mask;
	struct owner_entry entries[];
};

enum { OWNER_NONE = UINT16_MAX };

// NULL: nobody's local address.
const struct owner_entry *owner_entry(const struct owner_map *map, struct ipaddr addr);

void owner_put(struct owner_map *map, struct owner_entry entry);

// The worker that has the session of a packet with this key, or OWNER_NONE if it is not for a local address; `addrs6`, its
// source and destination, count if `kind` says IPv6.
uint16_t owner_of_flow(
	const struct owner_map *map, const struct flow_key *key, const uint8_t *addrs6, uint8_t kind
);

// The worker where the fragments of a datagram meet that was sent to a local address, or OWNER_NONE: where all are brought
// by a device that hashes packets without ports by their addresses.
uint16_t owner_of_fragment(const struct owner_map *map, const struct pkt *p);
