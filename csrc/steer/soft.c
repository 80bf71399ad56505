// SPDX-License-Identifier: BSD-3-Clause

#include "steer/soft.h"

#include <rte_ring.h>
#include <stdio.h>

struct rte_ring *soft_ring_create(const char *prefix, uint16_t from, uint16_t to, int socket) {
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "%s_%u_%u", prefix, from, to);
	return rte_ring_create(name, SOFT_RING_SIZE, socket, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

uint16_t soft_pass(struct rte_ring *ring, struct rte_mbuf **mbufs, uint16_t n) {
	return (uint16_t)rte_ring_sp_enqueue_burst(ring, (void **)mbufs, n, NULL);
}

bool soft_half_full(const struct rte_ring *ring) {
	return rte_ring_count(ring) >= SOFT_RING_SIZE / 2;
}

uint16_t soft_take(struct rte_ring *ring, struct rte_mbuf **mbufs, uint16_t cap) {
	return (uint16_t)rte_ring_sc_dequeue_burst(ring, (void **)mbufs, cap, NULL);
}
