// SPDX-License-Identifier: BSD-3-Clause

#include "bench/bench.h"
#include "bench/drive.h"
#include "bench/world.h"

#include <rte_launch.h>
#include <rte_lcore.h>
#include <stdio.h>

enum { WARM = 64, ROUNDS = 2000, WORKERS = 2 };

typedef void (*work_fn)(struct drive *d, struct stopwatch *w);

struct lane {
	struct drive drive;
	struct stopwatch watch;
	struct reading reading;
	work_fn work;
};

static struct lane lanes[WORKERS];

static int go(void *arg) {
	struct lane *l = arg;

	for (uint32_t i = 0; i < WARM + ROUNDS; i++) {
		drive_frames(&l->drive);
		l->work(&l->drive, i < WARM ? NULL : &l->watch);
		if (l->work == drive_nat)
			drive_check(&l->drive);
	}
	l->reading = stopwatch_read(&l->watch, DRIVE_FRAMES);
	return 0;
}

static void run_on(const unsigned *lcores, const bool *which) {
	for (uint32_t i = 1; i < WORKERS; i++)
		if (which[i])
			rte_eal_remote_launch(go, &lanes[i], lcores[i]);
	if (which[0])
		go(&lanes[0]);
	rte_eal_mp_wait_lcore();
}

// One after the other, then both.
static void measure(const unsigned *lcores, work_fn work, const char *prefix, uint32_t run) {
	static const char *const SIDES[] = {"first", "second"};
	char name[64];

	for (uint32_t i = 0; i < WORKERS; i++)
		lanes[i].work = work;
	for (uint32_t i = 0; i < WORKERS; i++) {
		run_on(lcores, (bool[WORKERS]){i == 0, i == 1});
		snprintf(name, sizeof(name), "%s%s", prefix, SIDES[i]);
		bench_say(name, run, lanes[i].reading);
	}
	run_on(lcores, (bool[WORKERS]){true, true});
	for (uint32_t i = 0; i < WORKERS; i++) {
		snprintf(name, sizeof(name), "%s%s of two", prefix, SIDES[i]);
		bench_say(name, run, lanes[i].reading);
	}
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
