// SPDX-License-Identifier: BSD-3-Clause

#include "path/laddr.h"

#include "base/hash.h"

#include <rte_byteorder.h>

// Powers of 27395, coprime with LADDR_PORTS = 2^10 * 3^2 * 7, so that a lap visits every port once. A run of taken ports
// that one lap left behind is met by any other lap spread out: with nine ports of ten taken in a row, no lap
// finds more than 23 of them one after the other.
static const uint16_t STRIDES[] = {
	27395, 17929, 35099, 50257, 39923, 18649, 18827, 56737, 22499, 12457, 55547, 1009,
};

enum { N_STRIDES = sizeof(STRIDES) / sizeof(STRIDES[0]) };

struct laddr_candidate laddr_next(
	const struct laddr_set *set, enum laddr_family family, uint32_t *turn, uint32_t salt
) {
	uint32_t first = family == LADDR_V4 ? 0 : set->n_of[LADDR_V4];
	uint32_t now = (*turn)++;
	uint32_t laddr = first + now % set->n_of[family];
	uint32_t step = now / set->n_of[family];
	uint32_t lap = step / LADDR_PORTS;
	uint32_t stride = STRIDES[lap % N_STRIDES];
	// The salt keeps two RS, and two lives of this process, from using the same ports in the same order.
	uint32_t port = (uint32_t)(((uint64_t)step * stride + salt) % LADDR_PORTS);

	return (struct laddr_candidate){
		.laddr = (uint16_t)laddr,
		.port_be = rte_cpu_to_be_16((uint16_t)(LADDR_PORT_FIRST + port)),
	};
}

static uint32_t owner_slot(const struct owner_map *map, struct ipaddr addr) {
	uint32_t i = (uint32_t)(hash_mix(addr.hi ^ 0x9e3779b97f4a7c15ULL, addr.lo) >> 8);

	for (i &= map->mask; map->entries[i].used; i = (i + 1) & map->mask)
		if (ipaddr_equal(map->entries[i].addr, addr))
			break;
	return i;
}

const struct owner_entry *owner_entry(const struct owner_map *map, struct ipaddr addr) {
	const struct owner_entry *e = &map->entries[owner_slot(map, addr)];
	return e->used ? e : NULL;
}

uint16_t owner_find(const struct owner_map *map, struct ipaddr addr) {
	const struct owner_entry *e = owner_entry(map, addr);
	return e != NULL ? e->worker : OWNER_NONE;
}

void owner_put(struct owner_map *map, struct ipaddr addr, uint16_t worker, uint16_t laddr) {
	map->entries[owner_slot(map, addr)] =
		(struct owner_entry){.addr = addr, .worker = worker, .laddr = laddr, .used = 1};
}
