// SPDX-License-Identifier: BSD-3-Clause

#include "bench/bench.h"
#include "bench/drive.h"
#include "bench/world.h"
#include "path/path.h"
#include "steer/soft.h"

#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_ring.h>

// The ring holds a round.
enum { GIVER = 0, TAKER = 1, WARM = 64, ROUNDS = 2000 };

static struct rte_ring *ring;

struct taking {
	struct drive *drive;
	struct stopwatch *watch;
};

static void give(struct drive *d, struct stopwatch *w) {
	struct core *giver = world_core(GIVER);
	uint32_t passed = 0;

	if (w != NULL)
		stopwatch_begin(w);
	for (uint32_t i = 0; i < DRIVE_FRAMES; i += BURST) {
		path_run(giver, &d->burst, &d->mbufs[i], BURST, FROM_PORT);
		for (uint32_t k = 0; k < BURST; k++)
			if (d->burst.pkts[k].verdict == VERDICT_HANDOFF)
				soft_mark(d->mbufs[i + k], SOFT_WORK);
		passed += soft_pass(ring, &d->mbufs[i], BURST);
	}
	if (w != NULL)
		stopwatch_end(w);
	if (passed != DRIVE_FRAMES)
		world_fail("a packet was not handed over");
}

static int take(void *arg) {
	struct taking *t = arg;
	struct drive *d = t->drive;
	struct rte_mbuf *mbufs[BURST];
	uint32_t sent = 0;

	if (t->watch != NULL)
		stopwatch_begin(t->watch);
	for (uint32_t i = 0; i < DRIVE_FRAMES; i += BURST) {
		uint16_t n = soft_take(ring, mbufs, BURST);
		path_run(d->core, &d->burst, mbufs, n, FROM_WORKER);
		for (uint16_t k = 0; k < n; k++)
			sent += d->burst.pkts[k].verdict == VERDICT_TX;
	}
	if (t->watch != NULL)
		stopwatch_end(t->watch);
	if (sent != DRIVE_FRAMES)
		world_fail("a packet that was handed over was not sent on");
	return 0;
}

static void take_on(unsigned lcore, struct taking *t) {
	if (lcore >= RTE_MAX_LCORE || rte_eal_remote_launch(take, t, lcore) != 0)
		take(t);
	else
		rte_eal_wait_lcore(lcore);
}

static void handed(struct drive *d, uint32_t run, unsigned lcore) {
	static struct stopwatch giving, taking;

	for (uint32_t i = 0; i < WARM + ROUNDS; i++) {
		struct taking t = {d, i < WARM ? NULL : &taking};
		drive_frames(d);
		give(d, i < WARM ? NULL : &giving);
		take_on(lcore, &t);
		drive_check(d);
	}
	bench_say("giver", run, stopwatch_read(&giving, DRIVE_FRAMES));
	bench_say("taker", run, stopwatch_read(&taking, DRIVE_FRAMES));
}

static void own(struct drive *d, uint32_t run) {
	static struct stopwatch w;

	for (uint32_t i = 0; i < WARM + ROUNDS; i++) {
		drive_frames(d);
		drive_nat(d, i < WARM ? NULL : &w);
		drive_check(d);
	}
	bench_say("own", run, stopwatch_read(&w, DRIVE_FRAMES));
}

void bench_steering(const struct request *r) {
	const struct world_size size = {
		.workers = 2, .rs = WORLD_RS, .laddrs = WORLD_LADDRS, .sessions = r->sessions
	};
	unsigned lcore = rte_get_next_lcore((unsigned)-1, 1, 0);
	struct drive d;

	world_open(&size);
	world_fill(TAKER, r->sessions);
	d = drive_begin(TAKER, TRACE_REPLIES);
	ring = soft_ring_create("bench", GIVER, TAKER, SOCKET_ID_ANY);
	if (ring == NULL)
		world_fail("no memory for a ring");
	for (uint32_t run = 0; run < r->runs; run++) {
		own(&d, run);
		handed(&d, run, lcore);
	}
	rte_ring_free(ring);
	drive_end(&d);
}
