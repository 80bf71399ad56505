// SPDX-License-Identifier: BSD-3-Clause
// Packets that leave the path without having just come in: some are made here, some were held until now. The path takes
// empty mbufs from a small reserve that the worker fills between bursts, so it never allocates.
#pragma once

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>

enum { SPARE_MAX = 256, EXTRA_MAX = 512 };

struct extra {
	uint16_t n_spare;
	uint16_t n_send;
	uint16_t n_again;
	struct rte_mbuf *spare[SPARE_MAX]; // empty
	struct rte_mbuf *send[EXTRA_MAX]; // finished; m->port: where to
	struct rte_mbuf *again[EXTRA_MAX]; // to go through the path once more, with a note
};

// An empty mbuf; NULL: the reserve is used up.
static inline struct rte_mbuf *extra_spare(struct extra *e) {
	return e->n_spare > 0 ? e->spare[--e->n_spare] : NULL;
}

// Sends a finished packet by a port. False: no room, the packet stays the caller's.
static inline bool extra_send(struct extra *e, struct rte_mbuf *m, uint16_t port) {
	if (e->n_send == EXTRA_MAX)
		return false;
	m->port = port;
	e->send[e->n_send++] = m;
	return true;
}

// Has a packet run through the path again, after this burst. False: no room, the packet stays the caller's.
static inline bool extra_again(struct extra *e, struct rte_mbuf *m) {
	if (e->n_again == EXTRA_MAX)
		return false;
	e->again[e->n_again++] = m;
	return true;
}
