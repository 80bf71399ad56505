// SPDX-License-Identifier: BSD-3-Clause
// Hand-off between cores: one single-producer single-consumer ring for each pair, moved in bursts. The KNI core is one
// more producer. A packet in a ring is either to be worked on, or finished and only to be sent by a worker that has
// the port's transmit queue.
#pragma once

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>

struct rte_ring;

enum { SOFT_RING_SIZE = 1024 };

enum soft_kind { SOFT_WORK = 0, SOFT_SEND, SOFT_KIND_MASK = 0xff };

// The kind travels beside the path's note (path/note.h).
static inline void soft_mark(struct rte_mbuf *m, enum soft_kind kind) {
	m->hash.usr = (m->hash.usr & ~(uint32_t)SOFT_KIND_MASK) | kind;
}

static inline enum soft_kind soft_kind(const struct rte_mbuf *m) {
	return m->hash.usr & SOFT_KIND_MASK;
}

struct rte_ring *soft_ring_create(const char *prefix, uint16_t from, uint16_t to, int socket);

// Enqueues what fits; returns how many did.
uint16_t soft_pass(struct rte_ring *ring, struct rte_mbuf **mbufs, uint16_t n);

bool soft_half_full(const struct rte_ring *ring);

uint16_t soft_take(struct rte_ring *ring, struct rte_mbuf **mbufs, uint16_t cap);
