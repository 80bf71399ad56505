// SPDX-License-Identifier: BSD-3-Clause

#include "bench/stopwatch.h"

#include <rte_cycles.h>

void stopwatch_begin(struct stopwatch *w) {
	w->began = rte_rdtsc_precise();
}

void stopwatch_end(struct stopwatch *w) {
	uint64_t took = rte_rdtsc_precise() - w->began;

	if (w->n < ROUNDS_MOST)
		w->rounds[w->n++] = took;
}

struct reading stopwatch_read(struct stopwatch *w, uint32_t units) {
	uint64_t least = UINT64_MAX, sum = 0;
	struct reading r = {0};
	uint32_t counted = 0;

	for (uint32_t i = 0; i < w->n; i++)
		least = w->rounds[i] < least ? w->rounds[i] : least;
	for (uint32_t i = 0; i < w->n; i++) {
		if (w->rounds[i] > least + rte_get_tsc_hz() / DISTURBED_PER_S) {
			r.left_out++;
			continue;
		}
		sum += w->rounds[i];
		counted++;
	}
	r.cycles = counted > 0 ? (double)sum / counted / units : 0;
	w->n = 0;
	return r;
}
