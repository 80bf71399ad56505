// SPDX-License-Identifier: BSD-3-Clause

#include "bench/bench.h"
#include "bench/drive.h"
#include "bench/feed.h"
#include "bench/swap.h"
#include "bench/worker.h"
#include "bench/world.h"

#include <rte_ethdev.h>

enum { WARM = 64, ROUNDS = 2000, FEW = 1000 };

// Nothing is due while the clock stands: the sessions that no packet comes for shall stay.
static void rounds(struct worker *w) {
	for (uint32_t i = 0; i < DRIVE_BURSTS; i++)
		worker_round(w);
}

static void swaps(uint16_t port) {
	struct rte_mbuf *mbufs[BURST];

	for (uint32_t i = 0; i < DRIVE_BURSTS; i++) {
		uint16_t n = rte_eth_rx_burst(port, 0, mbufs, BURST);
		swap_run(mbufs, n);
		rte_eth_tx_burst(port, 0, mbufs, n);
	}
}

static struct reading nat(struct drive *d, struct feed *s, struct stopwatch *watch) {
	struct worker *w = bench_worker(s->dpdk_id);

	for (uint32_t i = 0; i < WARM + ROUNDS; i++) {
		uint32_t wanted = i % DRIVE_FRAMES;
		drive_frames(d);
		feed_load(s, d->mbufs, DRIVE_FRAMES, wanted);
		bench_worker_at(w, 0);
		stopwatch_begin(watch);
		rounds(w);
		stopwatch_end(watch);
		watch->n -= i < WARM;
		feed_is_sent(s);
		if (!trace_is_answer(d->core, d->sent[wanted], s->kept))
			world_fail("a packet did not become what it must");
	}
	return stopwatch_read(watch, DRIVE_FRAMES);
}

static struct reading swapped(struct drive *d, struct feed *s, struct stopwatch *watch) {
	for (uint32_t i = 0; i < WARM + ROUNDS; i++) {
		uint32_t wanted = i % DRIVE_FRAMES;
		drive_frames(d);
		feed_load(s, d->mbufs, DRIVE_FRAMES, wanted);
		stopwatch_begin(watch);
		swaps(s->dpdk_id);
		stopwatch_end(watch);
		watch->n -= i < WARM;
		feed_is_sent(s);
		drive_check_swapped(d->sent[wanted], s->kept);
	}
	return stopwatch_read(watch, DRIVE_FRAMES);
}

// Each side in a world of its own, whose index is as large as its sessions need.
static struct drive drive_of(uint32_t sessions) {
	const struct world_size size = {
		.workers = 1, .rs = WORLD_RS, .laddrs = WORLD_LADDRS, .sessions = sessions
	};

	world_open(&size);
	world_fill(0, sessions);
	return drive_begin(0, TRACE_BOTH);
}

void bench_io(const struct request *r) {
	static struct stopwatch watch;
	struct feed *s = feed_open();

	for (uint32_t run = 0; run < r->runs; run++) {
		struct drive d = drive_of(FEW);
		bench_say("few", run, nat(&d, s, &watch));
		bench_say("5tswap", run, swapped(&d, s, &watch));
		drive_end(&d);
		d = drive_of(r->sessions);
		bench_say("many", run, nat(&d, s, &watch));
		drive_end(&d);
	}
}
