// SPDX-License-Identifier: BSD-3-Clause

#include "bench/walk_world.h"

#include "bench/world.h"
#include "path/lifecycle.h"

#include <rte_mbuf.h>
#include <rte_random.h>
#include <stdlib.h>
#include <string.h>

// Of what is drawn, so that each run has the same.
enum { SEED = 1 };

// Its keys do not lead to it any more, but a walk looks none up.
static void connect(struct core *c, struct session *s) {
	s->kind[DIR_IN] = s->kind[DIR_OUT] = SLB_PROTO_TCP;
	session_state(c, s, SLB_TCP_ESTABLISHED);
}

static void give(struct core *c) {
	static struct rte_mbuf **mbufs;

	if (mbufs == NULL)
		mbufs = world_mbufs(SPARE_MAX);
	while (c->extra.n_spare > 0)
		rte_pktmbuf_free(c->extra.spare[--c->extra.n_spare]);
	memcpy(c->extra.spare, mbufs, SPARE_MAX * sizeof(*mbufs));
	c->extra.n_spare = SPARE_MAX;
}

// The numbers below n in any order.
static uint32_t *shuffled(uint32_t n) {
	uint32_t *ids = world_memory(n * sizeof(*ids));

	for (uint32_t i = 0; i < n; i++) {
		uint32_t j = (uint32_t)(rte_rand() % (i + 1));
		ids[i] = ids[j];
		ids[j] = i;
	}
	return ids;
}

struct core *walk_world(const struct request *r, bool tcp) {
	const struct world_size size = {
		.workers = 1,
		.rs = WORLD_RS,
		.rs_more = WALK_RS,
		.laddrs = WORLD_LADDRS,
		.sessions = r->sessions,
	};
	uint32_t *ids;
	struct core *c;

	world_open(&size);
	world_fill(0, r->sessions);
	c = world_core(0);
	give(c);
	rte_srand(SEED);
	ids = shuffled(r->sessions);
	for (uint32_t i = 0; i < r->sessions; i++) {
		struct session *s = &c->sessions.entries[ids[i]];
		s->rs = (uint32_t)(rte_rand() % WALK_RS);
		if (tcp)
			connect(c, s);
		else
			session_rearm(c, s);
	}
	free(ids);
	return c;
}

uint32_t walk_rounds(const struct core *c) {
	return c->sessions.lines + 1;
}
