// SPDX-License-Identifier: BSD-3-Clause
// Put in front of every source of the product in the fuzzing build. DPDK's memory comes from its own pages, of which the
// address sanitizer knows nothing; here it comes from the sanitizer's heap, so that a table read past its end or
// after it was freed is found. Of an mbuf, only the bytes that belong to the packet may be touched, and of one
// that was given back nothing.
//
// A packet grows and shrinks by rte_pktmbuf_append, _prepend, _adj and _trim: bytes that a packet was given by writing
// its lengths alone count as outside.
#pragma once

#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_random.h>
#include <rte_ring.h>

void *fuzz_malloc(size_t size, unsigned align);
void *fuzz_zmalloc(size_t size, unsigned align);
void fuzz_free(void *memory);
struct rte_ring *fuzz_ring_create(unsigned count, unsigned flags);
void fuzz_ring_free(struct rte_ring *ring);

// The same numbers after each fuzz_memory_restart, so that an input does the same every time.
uint64_t fuzz_rand(void);
void fuzz_memory_restart(void);

// The n-th allocation from now on fails; 0: none does.
void fuzz_memory_fail(uint32_t n);

// Objects that were allocated and not freed.
uint64_t fuzz_memory_live(void);

// Takes one from the pool that was used last, and forgets it.
void fuzz_mbuf_lose(void);

struct rte_mbuf *fuzz_mbuf_alloc(struct rte_mempool *pool);
int fuzz_mbuf_alloc_bulk(struct rte_mempool *pool, struct rte_mbuf **mbufs, unsigned n);
void fuzz_mbuf_free(struct rte_mbuf *m);
void fuzz_mbuf_free_bulk(struct rte_mbuf **mbufs, unsigned n);
char *fuzz_mbuf_append(struct rte_mbuf *m, uint16_t len);
char *fuzz_mbuf_prepend(struct rte_mbuf *m, uint16_t len);
char *fuzz_mbuf_adj(struct rte_mbuf *m, uint16_t len);
int fuzz_mbuf_trim(struct rte_mbuf *m, uint16_t len);
int fuzz_mbuf_linearize(struct rte_mbuf *m);
struct rte_mbuf *fuzz_mbuf_copy(
	const struct rte_mbuf *m, struct rte_mempool *pool, uint32_t offset, uint32_t len
);

#ifndef FUZZ_MEMORY_ITSELF
#define rte_malloc(type, size, align) fuzz_malloc(size, align)
#define rte_zmalloc(type, size, align) fuzz_zmalloc(size, align)
#define rte_calloc(type, n, size, align) fuzz_zmalloc((size_t)(n) * (size), align)
#define rte_malloc_socket(type, size, align, socket) ((void)(socket), fuzz_malloc(size, align))
#define rte_zmalloc_socket(type, size, align, socket) ((void)(socket), fuzz_zmalloc(size, align))
#define rte_free(memory) fuzz_free(memory)
#define rte_ring_create(name, count, socket, flags) \
	((void)(name), (void)(socket), fuzz_ring_create(count, flags))
#define rte_ring_free(ring) fuzz_ring_free(ring)
#define rte_rand() fuzz_rand()
#define rte_pktmbuf_alloc(pool) fuzz_mbuf_alloc(pool)
#define rte_pktmbuf_alloc_bulk(pool, mbufs, n) fuzz_mbuf_alloc_bulk(pool, mbufs, n)
#define rte_pktmbuf_free(m) fuzz_mbuf_free(m)
#define rte_pktmbuf_free_bulk(mbufs, n) fuzz_mbuf_free_bulk(mbufs, n)
#define rte_pktmbuf_append(m, len) fuzz_mbuf_append(m, len)
#define rte_pktmbuf_prepend(m, len) fuzz_mbuf_prepend(m, len)
#define rte_pktmbuf_adj(m, len) fuzz_mbuf_adj(m, len)
#define rte_pktmbuf_trim(m, len) fuzz_mbuf_trim(m, len)
#define rte_pktmbuf_linearize(m) fuzz_mbuf_linearize(m)
#define rte_pktmbuf_copy(m, pool, offset, len) fuzz_mbuf_copy(m, pool, offset, len)
#endif
