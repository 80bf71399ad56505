// SPDX-License-Identifier: BSD-3-Clause

#include "admin/build.h"

#include "base/hash.h"
#include "path/laddr.h"

#include <rte_malloc.h>

enum { CACHE_LINE = 64 };

static const struct hash_seed WALK_SEED = {0xa0761d6478bd642fULL, 0xe7037ed1a0b428dbULL};

void build_free(const void *object) {
	rte_free((void *)(uintptr_t)object);
}

// One for all VS that have the RS. Two RS may come to share one, which costs nothing but a few more turns.
static uint32_t walk(const struct admin_rs *rs, uint8_t proto, uint32_t rs_max) {
	uint64_t hash = hash_32(&WALK_SEED, rs->addr.hi, rs->addr.lo, rs->port_be, proto);

	return (uint32_t)((hash >> 32) * laddr_walks(rs_max) >> 32);
}

struct vs *build_vs(const struct admin_vs *vs, uint32_t rs_max, int socket) {
	size_t size = sizeof(struct vs) + vs->n_rs * sizeof(struct vs_rs);
	struct vs *copy = rte_zmalloc_socket("vs", size, CACHE_LINE, socket);
	uint32_t i = 0;

	if (copy == NULL)
		return NULL;
	copy->addr = vs->addr;
	copy->port_be = vs->port_be;
	copy->proto = vs->proto;
	copy->scheduler = vs->scheduler;
	copy->slot = vs->slot;
	copy->policy = vs->policy;
	copy->syn_proxy = vs->syn_proxy;
	copy->n_rs = vs->n_rs;
	for (const struct admin_rs *rs = vs->rs; rs != NULL; rs = rs->next, i++) {
		copy->rs[i] = (struct vs_rs){
			.addr = rs->addr,
			.port_be = rs->port_be,
			.weight = rs->weight,
			.slot = rs->slot,
			.walk = walk(rs, vs->proto, rs_max),
		};
		copy->total_weight += rs->weight;
		copy->rs_v6 |= !ipaddr_is_v4(rs->addr);
	}
	return copy;
}

struct vs_index *build_vs_index(const struct admin *a, int socket) {
	uint32_t size = 16;
	struct vs_index *index;

	// A VS may need two entries, its own and its VIP's; half of the table stays free.
	while (size < 4 * a->n_vs)
		size *= 2;
	index = rte_zmalloc_socket(
		"vs_index", sizeof(*index) + size * sizeof(index->entries[0]), CACHE_LINE, socket
	);
	if (index == NULL)
		return NULL;
	index->mask = size - 1;
	index->n_vs = a->n_vs;
	for (uint32_t slot = 0; slot < a->vs_max; slot++) {
		const struct admin_vs *vs = a->vs[slot];
		if (vs == NULL)
			continue;
		vs_index_put(index, vs->addr, vs->port_be, vs->proto, vs->slot);
		vs_index_put(index, vs->addr, 0, 0, VS_NONE);
	}
	return index;
}
