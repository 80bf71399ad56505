// SPDX-License-Identifier: BSD-3-Clause

#include "admin/vs_keys.h"

static uint16_t *bucket_of(
	const struct admin *a, struct ipaddr addr, uint16_t port_be, uint8_t proto
) {
	static const struct hash_seed SEED = {0x243f6a8885a308d3ULL, 0x13198a2e03707344ULL};
	uint64_t hash = hash_32(&SEED, addr.hi, addr.lo, port_be, proto);

	return &a->vs_bucket[hash & a->vs_bucket_mask];
}

uint16_t vs_keys_find(const struct admin *a, const struct slb_endpoint *key) {
	struct ipaddr addr = ipaddr_from_address(&key->addr);
	uint16_t slot = *bucket_of(a, addr, key->port_be, key->proto);

	while (slot != VS_NONE) {
		const struct admin_vs *vs = a->vs[slot];
		if (ipaddr_equal(vs->addr, addr) && vs->port_be == key->port_be
		    && vs->proto == key->proto)
			break;
		slot = a->vs_next[slot];
	}
	return slot;
}

uint16_t vs_keys_free_slot(const struct admin *a) {
	if (a->n_vs == a->vs_max)
		return VS_NONE;
	for (uint32_t slot = 0; slot < a->vs_max; slot++)
		if (a->vs[slot] == NULL)
			return (uint16_t)slot;
	return VS_NONE;
}

void vs_keys_enter(struct admin *a, uint16_t slot) {
	const struct admin_vs *vs = a->vs[slot];
	uint16_t *bucket = bucket_of(a, vs->addr, vs->port_be, vs->proto);

	a->vs_next[slot] = *bucket;
	*bucket = slot;
	a->n_vs++;
}

void vs_keys_leave(struct admin *a, uint16_t slot) {
	const struct admin_vs *vs = a->vs[slot];
	uint16_t *link = bucket_of(a, vs->addr, vs->port_be, vs->proto);

	while (*link != slot)
		link = &a->vs_next[*link];
	*link = a->vs_next[slot];
	a->n_vs--;
}
