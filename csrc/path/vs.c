// SPDX-License-Identifier: BSD-3-Clause

#include "path/vs.h"

#include "base/hash.h"

#include <stddef.h>

// The keys are the operator's, so the hash needs no secret.
static const struct hash_seed INDEX_SEED = {0x8ebc6af09c88c6e3ULL, 0x589965cc75374cc3ULL};

// The entry that holds the key, or the free one where it would go.
static const struct vs_index_entry *entry_for(
	const struct vs_index *index, struct ipaddr addr, uint16_t port_be, uint8_t proto
) {
	uint32_t i = (uint32_t)hash_32(&INDEX_SEED, addr.hi, addr.lo, port_be, proto);

	for (;; i++) {
		const struct vs_index_entry *e = &index->entries[i & index->mask];
		if (!e->used
		    || (ipaddr_equal(e->addr, addr) && e->port_be == port_be && e->proto == proto))
			return e;
	}
}

uint16_t vs_find(
	const struct vs_index *index, struct ipaddr addr, uint16_t port_be, uint8_t proto
) {
	const struct vs_index_entry *e = entry_for(index, addr, port_be, proto);

	return e->used ? e->slot : VS_NONE;
}

bool vs_is_vip(const struct vs_index *index, struct ipaddr addr) {
	return entry_for(index, addr, 0, 0)->used;
}

void vs_index_put(
	struct vs_index *index, struct ipaddr addr, uint16_t port_be, uint8_t proto, uint16_t slot
) {
	struct vs_index_entry *e =
		&index->entries[entry_for(index, addr, port_be, proto) - index->entries];

	*e = (struct vs_index_entry){
		.addr = addr, .port_be = port_be, .proto = proto, .used = 1, .slot = slot
	};
}
