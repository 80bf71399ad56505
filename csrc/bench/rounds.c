// SPDX-License-Identifier: BSD-3-Clause

#include "bench/rounds.h"

#include "bench/bench.h"
#include "bench/world.h"

#include <rte_common.h>
#include <rte_cycles.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Of other memory that is read between two rounds.
enum { OTHER_BYTES = 256 * 1024, LINE = 64 };

struct rounds rounds_make(const char *name, uint32_t room) {
	struct rounds r = {
		.room = room,
		.us = world_memory(room * sizeof(*r.us)),
		.least = world_memory(room * sizeof(*r.least)),
	};

	snprintf(r.name, sizeof(r.name), "%s", name);
	return r;
}

static void forget(void) {
	static uint8_t other[OTHER_BYTES];

	for (uint32_t at = 0; at < sizeof(other); at += LINE)
		(*(volatile uint8_t *)&other[at])++;
}

void rounds_begin(struct rounds *r) {
	forget();
	r->began = rte_rdtsc_precise();
}

void rounds_end(struct rounds *r) {
	uint64_t took = rte_rdtsc_precise() - r->began;
	float us = (float)((double)took * 1e6 / (double)rte_get_tsc_hz());

	if (r->n == r->room)
		world_fail("a walk takes more rounds than there are lines");
	if (r->n >= r->n_least)
		r->least[r->n_least++] = us;
	r->least[r->n] = RTE_MIN(r->least[r->n], us);
	r->us[r->n++] = us;
}

static int compare(const void *a, const void *b) {
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static void say(
	const struct rounds *r, const char *what, uint32_t run, double value, uint32_t out
) {
	char side[2 * ROUNDS_NAME];

	snprintf(side, sizeof(side), "%s %s", r->name, what);
	bench_say(side, run, (struct reading){.cycles = value, .left_out = out});
}

void rounds_report(struct rounds *r, uint32_t run) {
	uint32_t n = r->n;
	double sum = 0;

	qsort(r->us, n, sizeof(*r->us), compare);
	while (r->us[n - 1] > r->us[0] + 1e6F / DISTURBED_PER_S)
		n--;
	for (uint32_t i = 0; i < n; i++)
		sum += r->us[i];
	say(r, "rounds", run, r->n, 0);
	say(r, "ms", run, sum * r->n / n / 1000, r->n - n);
	say(r, "us a round", run, sum / n, 0);
	say(r, "us, 99.9 %", run, r->us[(uint64_t)(n - 1) * 999 / 1000], 0);
	say(r, "us at worst", run, r->us[n - 1], 0);
	r->n = 0;
}

void rounds_finish(struct rounds *r) {
	float worst = 0;

	for (uint32_t i = 0; i < r->n_least; i++)
		worst = RTE_MAX(worst, r->least[i]);
	say(r, "us in its best run", 0, worst, 0);
	free(r->us);
	free(r->least);
}
