// SPDX-License-Identifier: BSD-3-Clause

#include "bench/bench.h"
#include "bench/drive.h"
#include "bench/world.h"

#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_pause.h>
#include <stdio.h>

enum { WARM = 64, ROUNDS = 2000, WORKERS = 2 };

typedef void (*work_fn)(struct drive *d, struct stopwatch *w);

struct lane {
	struct drive drive;
	struct stopwatch path; // the work alone
	struct stopwatch whole; // the generator and the check of a packet included
	struct reading cycles, all;
	work_fn work;
};

static struct lane lanes[WORKERS];

// Both begin together, and who has done all of his rounds goes on until the other one has, too.
static _Atomic uint32_t ready, done;
static uint32_t at_once;

static void round_of(struct lane *l, bool counts) {
	stopwatch_begin(&l->whole);
	drive_frames(&l->drive);
	l->work(&l->drive, &l->path);
	drive_check(&l->drive);
	stopwatch_end(&l->whole);
	l->path.n -= !counts;
	l->whole.n -= !counts;
}

static int go(void *arg) {
	struct lane *l = arg;

	for (ready++; ready < at_once;)
		rte_pause();
	for (uint32_t i = 0; i < WARM + ROUNDS; i++)
		round_of(l, i >= WARM);
	for (done++; done < at_once;)
		round_of(l, false);
	l->cycles = stopwatch_read(&l->path, DRIVE_FRAMES);
	l->all = stopwatch_read(&l->whole, DRIVE_FRAMES);
	return 0;
}

static void run_on(const unsigned *lcores, const bool *which) {
	ready = done = 0;
	at_once = (uint32_t)which[0] + which[1];
	for (uint32_t i = 1; i < WORKERS; i++)
		if (which[i])
			rte_eal_remote_launch(go, &lanes[i], lcores[i]);
	if (which[0])
		go(&lanes[0]);
	rte_eal_mp_wait_lcore();
}

static void say(const struct lane *l, const char *prefix, const char *side, uint32_t run) {
	char name[64];

	snprintf(name, sizeof(name), "%s%s", prefix, side);
	bench_say(name, run, l->all);
	snprintf(name, sizeof(name), "%spath, %s", prefix, side);
	bench_say(name, run, l->cycles);
}

// One after the other, then both.
static void measure(const unsigned *lcores, work_fn work, const char *prefix, uint32_t run) {
	static const char *const ALONE[] = {"first", "second"};
	static const char *const BOTH[] = {"first of two", "second of two"};

	for (uint32_t i = 0; i < WORKERS; i++)
		lanes[i].work = work;
	for (uint32_t i = 0; i < WORKERS; i++) {
		run_on(lcores, (bool[WORKERS]){i == 0, i == 1});
		say(&lanes[i], prefix, ALONE[i], run);
	}
	run_on(lcores, (bool[WORKERS]){true, true});
	for (uint32_t i = 0; i < WORKERS; i++)
		say(&lanes[i], prefix, BOTH[i], run);
}

void bench_scaling(const struct request *r) {
	const struct world_size size = {
		.workers = WORKERS, .rs = WORLD_RS, .laddrs = WORLD_LADDRS, .sessions = r->sessions
	};
	const unsigned lcores[WORKERS] = {
		rte_get_main_lcore(), rte_get_next_lcore((unsigned)-1, 1, 0)
	};

	if (lcores[1] >= RTE_MAX_LCORE)
		world_fail("two workers at once need two CPUs");
	world_open(&size);
	for (uint16_t i = 0; i < WORKERS; i++) {
		world_fill(i, r->sessions);
		lanes[i].drive = drive_begin(i, TRACE_BOTH);
	}
	for (uint32_t run = 0; run < r->runs; run++) {
		measure(lcores, drive_nat, "", run);
		// What the machine itself takes from two CPUs at once: this shares nothing, not even a table's shape.
		measure(lcores, drive_swap, "exchange, ", run);
	}
	for (uint32_t i = 0; i < WORKERS; i++)
		drive_end(&lanes[i].drive);
}
