// SPDX-License-Identifier: BSD-3-Clause
// The rounds of the other walks over all sessions: of a list of them, and of the sweep that follows a removal.

#include "bench/bench.h"
#include "bench/rounds.h"
#include "bench/walk_world.h"
#include "bench/world.h"
#include "path/session_scan.h"
#include "path/session_walk.h"
#include "path/sweep.h"

#include <stdlib.h>

enum {
	LISTED = 512, // by a message, as csrc/admin asks for them
	DRAIN = 1 << 20,
};

static void list(struct core *c, struct rounds *r, uint32_t run, bool any) {
	struct session_scan scan = {.end = c->sessions.lines, .cap = LISTED};

	scan.filter.rs.port_be = any ? 0 : 1;
	while (scan.next < scan.end) {
		bool done;
		scan.n = 0;
		scan.out = world_memory(LISTED * sizeof(*scan.out));
		do {
			rounds_begin(r);
			done = session_scan(c, &scan);
			rounds_end(r);
		} while (!done);
		free(scan.out);
	}
	rounds_report(r, run);
}

static void sweep_all(struct core *c, struct rounds *r, uint32_t run) {
	bool left;

	sweep_start(c);
	do {
		rounds_begin(r);
		left = sweep(c);
		rounds_end(r);
	} while (left);
	rounds_report(r, run);
}

static void remove_all(struct core *c) {
	c->drain_tcp = DRAIN;
	for (uint32_t slot = 0; slot < WALK_RS; slot++) {
		c->rs[slot].removed = true;
		c->rs[slot].removed_by = (uint32_t)c->generation & RS_REMOVED_BY;
		c->rs[slot].removed_at = c->now;
	}
}

enum walk_kind { LIST_NONE, LIST_ALL, SWEEP_NONE, SWEEP_ALL, WALK_KINDS };

void bench_walks(const struct request *r) {
	static const char *const NAMES[WALK_KINDS] = {
		"list of none", "list of all", "sweep of none", "sweep of all"
	};
	struct rounds rounds[WALK_KINDS];

	for (uint32_t run = 0; run < r->runs; run++) {
		struct core *c = walk_world(r, true);
		for (int kind = 0; run == 0 && kind < WALK_KINDS; kind++)
			rounds[kind] = rounds_make(NAMES[kind], walk_rounds(c));
		list(c, &rounds[LIST_NONE], run, false);
		list(c, &rounds[LIST_ALL], run, true);
		sweep_all(c, &rounds[SWEEP_NONE], run);
		remove_all(c);
		sweep_all(c, &rounds[SWEEP_ALL], run);
	}
	for (int kind = 0; kind < WALK_KINDS; kind++)
		rounds_finish(&rounds[kind]);
}
