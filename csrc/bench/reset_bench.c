// SPDX-License-Identifier: BSD-3-Clause
// The rounds of a walk that ends sessions: of one to which none belongs, and of one that ends all.

#include "bench/bench.h"
#include "bench/rounds.h"
#include "bench/walk_world.h"
#include "path/session_reset.h"

#include <rte_mbuf.h>
#include <string.h>

enum { RS_WORDS = WALK_RS / 64 + 64 };

static uint64_t slots[RS_WORDS];

// What the worker does between two rounds.
static void refill(struct extra *e) {
	for (uint16_t i = 0; i < e->n_send; i++) {
		rte_pktmbuf_reset(e->send[i]);
		e->spare[e->n_spare++] = e->send[i];
	}
	e->n_send = 0;
}

static void walk(struct core *c, struct rounds *r, uint32_t run) {
	struct session_reset reset = {.rs = slots, .end = c->sessions.lines};
	bool done;

	do {
		refill(&c->extra);
		rounds_begin(r);
		done = session_reset_scan(c, &reset);
		rounds_end(r);
	} while (!done);
	rounds_report(r, run);
}

static void both(const struct request *r, bool tcp) {
	struct rounds looks, ends;

	for (uint32_t run = 0; run < r->runs; run++) {
		struct core *c = walk_world(r, tcp);
		if (run == 0) {
			looks = rounds_make(tcp ? "looks at TCP" : "looks at UDP", walk_rounds(c));
			ends = rounds_make(tcp ? "ends of TCP" : "ends of UDP", walk_rounds(c));
		}
		memset(slots, 0, sizeof(slots));
		walk(c, &looks, run);
		memset(slots, 0xff, sizeof(slots));
		walk(c, &ends, run);
	}
	rounds_finish(&looks);
	rounds_finish(&ends);
}

void bench_reset(const struct request *r) {
	both(r, false);
	both(r, true);
}
