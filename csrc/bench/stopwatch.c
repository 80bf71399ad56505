// SPDX-License-Identifier: BSD-3-Clause

#include "bench/stopwatch.h"

#include "bench/world.h"

#include <rte_cycles.h>

void stopwatch_begin(struct stopwatch *w) {
	if (ACCOUNTED && w->by == NULL)
		w->by = world_memory(ROUNDS_MOST * sizeof(*w->by));
	if (ACCOUNTED)
		accounts = (struct accounts){0};
	w->began = rte_rdtsc_precise();
}

void stopwatch_end(struct stopwatch *w) {
	uint64_t took = rte_rdtsc_precise() - w->began;

	if (w->n == ROUNDS_MOST)
		return;
	if (ACCOUNTED)
		w->by[w->n] = accounts;
	w->rounds[w->n++] = took;
}

static void add(struct accounts *sum, const struct accounts *by) {
	for (int a = 0; a < ACCOUNTS; a++) {
		sum->cycles[a] += by->cycles[a];
		sum->calls[a] += by->calls[a];
	}
}

// Whoever takes the time twice within a part pays for one of the two, and who calls it for the other.
static void tell_parts(struct reading *r, const struct accounts *sum, double units) {
	double overhead = (double)account_overhead();

	r->rest = r->cycles;
	for (int a = 0; a < ACCOUNTS; a++) {
		double calls = (double)sum->calls[a], took = (double)sum->cycles[a];
		if (sum->calls[a] == 0)
			continue;
		r->called |= 1u << a;
		r->by[a] = RTE_MAX(took - overhead * calls, 0) / units;
		r->rest -= (took + overhead * calls) / units;
	}
	r->rest = RTE_MAX(r->rest, 0);
}

struct reading stopwatch_read(struct stopwatch *w, uint32_t units) {
	uint64_t least = UINT64_MAX, sum = 0;
	struct reading r = {0};
	struct accounts by = {0};
	uint32_t counted = 0;

	for (uint32_t i = 0; i < w->n; i++)
		least = w->rounds[i] < least ? w->rounds[i] : least;
	for (uint32_t i = 0; i < w->n; i++) {
		if (w->rounds[i] > least + rte_get_tsc_hz() / DISTURBED_PER_S) {
			r.left_out++;
			continue;
		}
		sum += w->rounds[i];
		if (ACCOUNTED)
			add(&by, &w->by[i]);
		counted++;
	}
	r.cycles = counted > 0 ? (double)sum / counted / units : 0;
	if (ACCOUNTED && counted > 0)
		tell_parts(&r, &by, (double)counted * units);
	w->n = 0;
	return r;
}
