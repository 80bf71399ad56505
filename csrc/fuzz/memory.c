// SPDX-License-Identifier: BSD-3-Clause
// Not instrumented itself: it looks at mbufs that nobody else may.

#define FUZZ_MEMORY_ITSELF
#include "fuzz/memory.h"

#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t live;
static uint64_t state;
static uint32_t fails_in;
static struct rte_mempool *last_pool;

void *fuzz_malloc(size_t size, unsigned align) {
	void *memory;

	if (fails_in > 0 && --fails_in == 0)
		return NULL;
	if (posix_memalign(&memory, align > RTE_CACHE_LINE_SIZE ? align : RTE_CACHE_LINE_SIZE, size)
	    != 0)
		return NULL;
	live++;
	return memory;
}

void *fuzz_zmalloc(size_t size, unsigned align) {
	void *memory = fuzz_malloc(size, align);

	return memory != NULL ? memset(memory, 0, size) : NULL;
}

void fuzz_free(void *memory) {
	live -= memory != NULL;
	free(memory);
}

struct rte_ring *fuzz_ring_create(unsigned count, unsigned flags) {
	struct rte_ring *ring = fuzz_malloc((size_t)rte_ring_get_memsize(count), 0);

	if (ring != NULL)
		rte_ring_init(ring, "fuzz", count, flags);
	return ring;
}

void fuzz_ring_free(struct rte_ring *ring) {
	fuzz_free(ring);
}

uint64_t fuzz_rand(void) {
	// SplitMix64 (Steele, Lea and Flood, 2014).
	uint64_t z = state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

void fuzz_memory_restart(void) {
	state = 0;
}

void fuzz_memory_fail(uint32_t n) {
	fails_in = n;
}

uint64_t fuzz_memory_live(void) {
	return live;
}

// Opens the packet's own bytes and closes those before and behind them.
static void fence(const struct rte_mbuf *m) {
	for (; m != NULL; m = m->next) {
		const char *buffer = m->buf_addr;
		__asan_unpoison_memory_region(m, sizeof(*m));
		__asan_poison_memory_region(buffer, m->buf_len);
		__asan_unpoison_memory_region(buffer + m->data_off, m->data_len);
	}
}

static void close_off(const struct rte_mbuf *m) {
	for (const struct rte_mbuf *next; m != NULL; m = next) {
		next = m->next;
		if (rte_mbuf_refcnt_read(m) > 1)
			continue;
		__asan_poison_memory_region(m->buf_addr, m->buf_len);
		__asan_poison_memory_region(m, sizeof(*m));
	}
}

void fuzz_mbuf_lose(void) {
	rte_pktmbuf_alloc(last_pool);
}

struct rte_mbuf *fuzz_mbuf_alloc(struct rte_mempool *pool) {
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	last_pool = pool;
	fence(m);
	return m;
}

int fuzz_mbuf_alloc_bulk(struct rte_mempool *pool, struct rte_mbuf **mbufs, unsigned n) {
	int rc = rte_pktmbuf_alloc_bulk(pool, mbufs, n);

	for (unsigned i = 0; rc == 0 && i < n; i++)
		fence(mbufs[i]);
	return rc;
}

void fuzz_mbuf_free(struct rte_mbuf *m) {
	if (m != NULL && __asan_address_is_poisoned(m)) {
		fprintf(stderr, "fuzz: an mbuf is given back twice\n");
		abort();
	}
	close_off(m);
	rte_pktmbuf_free(m);
}

void fuzz_mbuf_free_bulk(struct rte_mbuf **mbufs, unsigned n) {
	for (unsigned i = 0; i < n; i++)
		fuzz_mbuf_free(mbufs[i]);
}

char *fuzz_mbuf_append(struct rte_mbuf *m, uint16_t len) {
	char *at = rte_pktmbuf_append(m, len);

	fence(m);
	return at;
}

char *fuzz_mbuf_prepend(struct rte_mbuf *m, uint16_t len) {
	char *at = rte_pktmbuf_prepend(m, len);

	fence(m);
	return at;
}

char *fuzz_mbuf_adj(struct rte_mbuf *m, uint16_t len) {
	char *at = rte_pktmbuf_adj(m, len);

	fence(m);
	return at;
}

int fuzz_mbuf_trim(struct rte_mbuf *m, uint16_t len) {
	int rc = rte_pktmbuf_trim(m, len);

	fence(m);
	return rc;
}

// The segments behind the first are given back.
int fuzz_mbuf_linearize(struct rte_mbuf *m) {
	int rc;

	close_off(m->next);
	rc = rte_pktmbuf_linearize(m);
	fence(m);
	return rc;
}

struct rte_mbuf *fuzz_mbuf_copy(
	const struct rte_mbuf *m, struct rte_mempool *pool, uint32_t offset, uint32_t len
) {
	struct rte_mbuf *copy = rte_pktmbuf_copy(m, pool, offset, len);

	fence(copy);
	return copy;
}
