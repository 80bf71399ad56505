// SPDX-License-Identifier: BSD-3-Clause
// The rounds of a walk that ends sessions: what each takes of a worker, and all of them.

#include "bench/bench.h"
#include "bench/world.h"
#include "path/lifecycle.h"
#include "path/session_reset.h"

#include <rte_cycles.h>
#include <rte_mbuf.h>
#include <stdlib.h>
#include <string.h>

enum { RS_WORDS = 1024, STEPS = 4000, STEP_NS = 50 };

struct rounds {
	uint64_t n;
	double sum_us, worst_us;
	uint64_t by_length[STEPS]; // in steps; the last: longer
};

static uint64_t slots[RS_WORDS];

static void refill(struct extra *e) {
	for (uint16_t i = 0; i < e->n_send; i++) {
		rte_pktmbuf_reset(e->send[i]);
		e->spare[e->n_spare++] = e->send[i];
	}
	e->n_send = 0;
}

static void note(struct rounds *r, uint64_t cycles) {
	double us = (double)cycles * 1e6 / (double)rte_get_tsc_hz();
	uint32_t step = (uint32_t)(us * 1000 / STEP_NS);

	r->n++;
	r->sum_us += us;
	r->worst_us = RTE_MAX(r->worst_us, us);
	r->by_length[RTE_MIN(step, (uint32_t)STEPS - 1)]++;
}

// That one round in a thousand takes longer than.
static double longest(const struct rounds *r) {
	uint64_t above = 0;
	uint32_t step = STEPS;

	while (step > 0 && above * 1000 < r->n)
		above += r->by_length[--step];
	return (double)step * STEP_NS / 1000;
}

static struct rounds walk(struct core *c) {
	struct session_reset reset = {.rs = slots, .end = c->sessions.lines};
	struct rounds r = {0};
	bool done;

	do {
		uint64_t began;
		refill(&c->extra);
		began = rte_rdtsc_precise();
		done = session_reset_scan(c, &reset);
		note(&r, rte_rdtsc_precise() - began);
	} while (!done);
	return r;
}

static void say(const char *what, const char *which, uint32_t run, double value) {
	char side[64];

	snprintf(side, sizeof(side), "%s %s", what, which);
	bench_say(side, run, (struct reading){.cycles = value});
}

static void report(const char *what, uint32_t run, const struct rounds *r) {
	say(what, "ms", run, r->sum_us / 1000);
	say(what, "us a round", run, r->sum_us / (double)r->n);
	say(what, "us, 99.9 %", run, longest(r));
	say(what, "us at worst", run, r->worst_us);
}

// As if it was TCP's. Its keys do not lead to it any more, but the walk looks none up.
static void connect(struct core *c, struct session *s) {
	s->kind[DIR_IN] = s->kind[DIR_OUT] = SLB_PROTO_TCP;
	session_state(c, s, SLB_TCP_ESTABLISHED);
}

static void fill(const struct request *r, bool tcp) {
	const struct world_size size = {
		.workers = 1,
		.rs = WORLD_RS,
		.laddrs = WORLD_LADDRS,
		.sessions = r->sessions,
	};
	struct core *c;

	world_open(&size);
	world_fill(0, r->sessions);
	c = world_core(0);
	for (uint32_t i = 0; tcp && i < r->sessions; i++)
		connect(c, &c->sessions.entries[i]);
}

static void give(struct core *c) {
	struct rte_mbuf **mbufs = world_mbufs(SPARE_MAX);

	while (c->extra.n_spare > 0)
		rte_pktmbuf_free(c->extra.spare[--c->extra.n_spare]);
	memcpy(c->extra.spare, mbufs, sizeof(c->extra.spare));
	c->extra.n_spare = SPARE_MAX;
}

void bench_reset(const struct request *r) {
	for (uint32_t run = 0; run < r->runs; run++) {
		for (int tcp = 0; tcp <= 1; tcp++) {
			struct rounds rounds;
			fill(r, tcp);
			give(world_core(0));
			memset(slots, 0, sizeof(slots));
			rounds = walk(world_core(0));
			report(tcp ? "looks at TCP" : "looks at UDP", run, &rounds);
			memset(slots, 0xff, sizeof(slots));
			rounds = walk(world_core(0));
			report(tcp ? "ends of TCP" : "ends of UDP", run, &rounds);
		}
	}
}
