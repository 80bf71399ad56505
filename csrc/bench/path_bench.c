// SPDX-License-Identifier: BSD-3-Clause

#include "bench/bench.h"
#include "bench/drive.h"
#include "bench/swap.h"
#include "bench/world.h"

enum { WARM = 64, ROUNDS = 2000 };

static struct world_size world_of(const struct request *r, bool v6) {
	return (struct world_size){
		.workers = 1,
		.rs = WORLD_RS,
		.laddrs = WORLD_LADDRS,
		.sessions = r->sessions,
		.v6 = v6,
	};
}

static struct drive drive_of(const struct request *r, bool v6) {
	const struct world_size size = world_of(r, v6);

	world_open(&size);
	world_fill(0, r->sessions);
	return drive_begin(0, TRACE_BOTH);
}

static struct reading nat(struct drive *d, struct stopwatch *w) {
	for (uint32_t i = 0; i < WARM + ROUNDS; i++) {
		drive_frames(d);
		drive_nat(d, i < WARM ? NULL : w);
		drive_check(d);
	}
	return stopwatch_read(w, DRIVE_FRAMES);
}

static struct reading swapped(struct drive *d, struct stopwatch *w) {
	for (uint32_t i = 0; i < WARM + ROUNDS; i++) {
		drive_frames(d);
		drive_swap(d, i < WARM ? NULL : w);
		drive_check(d);
	}
	return stopwatch_read(w, DRIVE_FRAMES);
}

void bench_path(const struct request *r) {
	static struct stopwatch w;
	struct drive d = drive_of(r, false);

	for (uint32_t run = 0; run < r->runs; run++) {
		bench_say("ours", run, nat(&d, &w));
		bench_say("5tswap", run, swapped(&d, &w));
	}
	drive_end(&d);
}

void bench_families(const struct request *r) {
	static const char *const SIDES[] = {"v4", "v6"};
	static struct stopwatch w;

	for (uint32_t run = 0; run < r->runs; run++) {
		for (int v6 = 1; v6 >= 0; v6--) {
			struct drive d = drive_of(r, v6);
			bench_say(SIDES[v6], run, nat(&d, &w));
			drive_end(&d);
		}
	}
}

void bench_spoilt_time(const struct request *r) {
	drive_interrupts = true;
	bench_path(r);
}
