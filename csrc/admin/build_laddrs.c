// SPDX-License-Identifier: BSD-3-Clause
// What workers need to know of local addresses: whose each is, and which ones new sessions may use.

#include "admin/build.h"

#include "admin/laddrs.h"

#include <rte_malloc.h>
#include <string.h>

enum { CACHE_LINE = 64 };

static bool is_owned(const struct admin_laddr *l) {
	return l->use == LADDR_COMING || l->use == LADDR_THERE;
}

struct owner_map *build_owners(const struct admin *a, int socket) {
	uint32_t n = 0, size = 16;
	struct owner_map *map;

	for (uint16_t slot = 0; slot < SLB_MAX_LADDRS; slot++)
		n += is_owned(&a->laddrs[slot]);
	while (size < 2 * n)
		size *= 2;
	map = rte_zmalloc_socket(
		"owners", sizeof(*map) + size * sizeof(map->entries[0]), CACHE_LINE, socket
	);
	if (map == NULL)
		return NULL;
	map->mask = size - 1;
	for (uint16_t slot = 0; slot < SLB_MAX_LADDRS; slot++) {
		const struct admin_laddr *l = &a->laddrs[slot];
		if (is_owned(l))
			owner_put(
				map,
				(struct owner_entry){
					.addr = l->addr,
					.rss = l->rss,
					.worker = l->worker,
					.slot = slot,
				}
			);
	}
	return map;
}

struct laddr_set *build_laddr_set(const struct admin *a, uint16_t worker, int socket) {
	static uint32_t serial;
	uint32_t n4 = laddrs_of_worker(a, worker, LADDR_V4);
	uint32_t n6 = laddrs_of_worker(a, worker, LADDR_V6);
	struct laddr_set *set = rte_zmalloc_socket(
		"laddrs", sizeof(*set) + (n4 + n6) * sizeof(set->laddrs[0]), CACHE_LINE, socket
	);
	struct laddr *next[LADDR_FAMILIES];

	if (set == NULL)
		return NULL;
	set->worker = worker;
	set->serial = ++serial;
	memset(set->place, 0xff, sizeof(set->place)); // LADDR_NOWHERE
	set->n_of[LADDR_V4] = n4;
	set->n_of[LADDR_V6] = n6;
	next[LADDR_V4] = set->laddrs;
	next[LADDR_V6] = set->laddrs + n4;
	for (uint16_t slot = 0; slot < SLB_MAX_LADDRS; slot++) {
		const struct admin_laddr *l = &a->laddrs[slot];
		if (!laddr_serves(l, worker))
			continue;
		set->n_on[l->port][laddr_family_of(l)]++;
		set->place[slot] = (uint16_t)(next[laddr_family_of(l)] - set->laddrs);
		*next[laddr_family_of(l)]++ = (struct laddr){
			.addr = l->addr,
			.port = l->port,
			.rss = l->rss,
			.rss_hash = l->rss == NULL ? 0 : laddr_rss_hash(l->rss, l->addr),
			.slot = slot,
		};
	}
	for (enum laddr_family family = 0; family < LADDR_FAMILIES; family++) {
		uint32_t n = set->n_of[family];
		set->one_port[family] =
			n == 0 || set->n_on[laddr_at(set, family, 0)->port][family] == n;
	}
	return set;
}
