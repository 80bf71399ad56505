// SPDX-License-Identifier: BSD-3-Clause
// The rounds of a walk over all sessions, each timed by itself. A walk is deterministic: made again in the same world, each of its
// rounds does the same. So what a round took in the best of the runs is what the engine takes; the rest was somebody else.
#pragma once

#include <stdint.h>

enum { ROUNDS_NAME = 32 };

struct rounds {
	char name[ROUNDS_NAME];
	uint32_t room, n;
	uint64_t began;
	float *us; // of this run
	float *least; // of all runs
	uint32_t n_least;
};

// Of `room` rounds at most, in each run.
struct rounds rounds_make(const char *name, uint32_t room);

// Around each round. Before it the nearer caches have forgotten what they held, as when packets come in between.
void rounds_begin(struct rounds *r);
void rounds_end(struct rounds *r);

// A run is over: says how many rounds there were, how long all took, and the mean, the 99.9th percentile and the worst of its rounds, but for those that took more
// than 50 microseconds more than the fastest.
void rounds_report(struct rounds *r, uint32_t run);

// All runs are: says the worst of the rounds, each as it was in its best run.
void rounds_finish(struct rounds *r);
