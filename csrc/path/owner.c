// SPDX-License-Identifier: BSD-3-Clause

#include "path/owner.h"

void owner_put(struct owner_map *map, struct owner_entry entry) {
	const uint32_t at = owner_slot(map, entry.addr);

	entry.used = 1;
	map->entries[at] = entry;
	if (ipaddr_is_v4(entry.addr))
		map->by_octet[entry.addr.lo & 0xff] = at;
}

static uint32_t addresses_hash(
	const struct toeplitz *t, const struct flow_key *key, const uint8_t *addrs6, uint8_t kind
) {
	if (kind & KIND_V6)
		return toeplitz_part(t, TOEPLITZ6_SRC, addrs6, 2 * IP6_BYTES);
	return toeplitz_part(t, TOEPLITZ4_SRC, &key->src_be, 2 * sizeof(key->src_be));
}

static const struct owner_entry *entry_of(
	const struct owner_map *map, const struct flow_key *key, const uint8_t *addrs6, uint8_t kind
) {
	return owner_entry(
		map,
		kind & KIND_V6 ? ipaddr_from_v6(addrs6 + IP6_BYTES) : ipaddr_from_v4(key->dst_be)
	);
}

uint16_t owner_of_flow(
	const struct owner_map *map, const struct flow_key *key, const uint8_t *addrs6, uint8_t kind
) {
	const struct owner_entry *e = entry_of(map, key, addrs6, kind);
	uint32_t at = kind & KIND_V6 ? TOEPLITZ6_SPORT : TOEPLITZ4_SPORT;
	uint32_t hash;

	if (e == NULL)
		return OWNER_NONE;
	if (e->rss == NULL)
		return e->worker;
	hash = addresses_hash(&e->rss->key, key, addrs6, kind)
		^ toeplitz_part(&e->rss->key, at, &key->sport_be, 2 * sizeof(key->sport_be));
	return rss_port_worker(e->rss, hash);
}

uint16_t owner_of_fragment(const struct owner_map *map, const struct pkt *p) {
	const struct owner_entry *e = entry_of(map, &p->key, pkt_addrs6(p), p->kind);

	if (e == NULL)
		return OWNER_NONE;
	if (e->rss == NULL)
		return e->worker;
	return rss_port_worker(
		e->rss, addresses_hash(&e->rss->key, &p->key, pkt_addrs6(p), p->kind)
	);
}
