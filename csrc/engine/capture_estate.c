// SPDX-License-Identifier: BSD-3-Clause
// What a tool leaves that was killed while it captured.

#include "engine/capture.h"

#include "engine/engine.h"

#include <rte_memzone.h>
#include <rte_pause.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TURN_MS = 2000, STUCK_MS = 10, MAX_CHUNKS = 64 };

void capture_estate_add(struct capture_estate *estate, const struct capture_request *request) {
	bool has_ring = false, has_pool = false;

	for (uint32_t i = 0; i < estate->n_rings; i++)
		has_ring |= estate->rings[i] == request->ring;
	for (uint32_t i = 0; i < estate->n_pools; i++)
		has_pool |= estate->pools[i] == request->pool;
	if (!has_ring && estate->n_rings < CAPTURE_ESTATE)
		estate->rings[estate->n_rings++] = request->ring;
	if (!has_pool && estate->n_pools < CAPTURE_ESTATE)
		estate->pools[estate->n_pools++] = request->pool;
}

// Whole rounds of each worker, and ticks of the KNI core.
struct turns {
	uint64_t workers[SLB_MAX_WORKERS];
	uint32_t kni;
};

static void turns_read(const struct engine *g, struct turns *t) {
	for (uint16_t w = 0; w < g->config.n_workers; w++)
		t->workers[w] = __atomic_load_n(&g->workers[w]->counters.rounds, __ATOMIC_RELAXED);
	t->kni = __atomic_load_n(&g->kni.now, __ATOMIC_RELAXED);
}

// Whether every core has begun a round since, and ended it.
static bool turned(const struct engine *g, const struct turns *since) {
	struct turns now;
	bool all;

	turns_read(g, &now);
	all = now.kni - since->kni >= 2;
	for (uint16_t w = 0; w < g->config.n_workers; w++)
		all = all && now.workers[w] - since->workers[w] >= 2;
	return all;
}

// A tool that is killed between the two stores by which it gives packets back to a pool has the workers that do so behind it
// wait for its second store, for ever. Where the place ends that it had taken nobody knows: a worker waits for the tail to be
// exactly where its own place begins, so every value in question is shown for a moment, again and again.
static void release_waiting(struct rte_ring *ring) {
	uint32_t tail = __atomic_load_n(&ring->prod.tail, __ATOMIC_ACQUIRE);
	uint32_t head = __atomic_load_n(&ring->prod.head, __ATOMIC_ACQUIRE);
	uint32_t first = head - ring->mask;

	if (tail != head)
		first = tail;
	for (uint32_t value = first; value != head; value++) {
		__atomic_store_n(&ring->prod.tail, value + 1, __ATOMIC_RELEASE);
		for (int i = 0; i < 100; i++)
			rte_pause();
	}
}

static bool await_turn(const struct capture_estate *estate, const struct engine *g) {
	struct turns began;

	turns_read(g, &began);
	for (int ms = 0; ms < TURN_MS; ms++) {
		if (turned(g, &began))
			return true;
		usleep(1000);
		for (uint32_t i = 0; ms >= STUCK_MS && i < estate->n_pools; i++)
			release_waiting(estate->pools[i]->pool_data);
	}
	return false;
}

// Not by rte_mempool_free() alone: what frees a chunk is named in shared memory by an address of the tool's own program.
static void free_pool(struct rte_mempool *pool) {
	const struct rte_memzone *zones[MAX_CHUNKS];
	struct rte_mempool_memhdr *chunk;
	char name[RTE_MEMZONE_NAMESIZE];
	uint32_t n = 0;

	STAILQ_FOREACH(chunk, &pool->mem_list, next) {
		chunk->free_cb = NULL;
		if (n == MAX_CHUNKS)
			continue;
		snprintf(name, sizeof(name), RTE_MEMPOOL_MZ_FORMAT "_%u", pool->name, n);
		zones[n] = rte_memzone_lookup(name);
		n++;
	}
	rte_mempool_free(pool);
	while (n-- > 0)
		if (zones[n] != NULL)
			rte_memzone_free(zones[n]);
}

bool capture_estate_free(struct capture_estate *estate, struct engine *g) {
	if (!await_turn(estate, g))
		return false;
	for (uint32_t i = 0; i < estate->n_rings; i++)
		rte_ring_free(estate->rings[i]);
	for (uint32_t i = 0; i < estate->n_pools; i++)
		free_pool(estate->pools[i]);
	return true;
}
