// SPDX-License-Identifier: BSD-3-Clause
// Rounds of equal work, each timed in TSC cycles. Those in which something else had the CPU, for more than 50 microseconds, are left out
// and counted. In the program that has accounts each round's are kept with it.
#pragma once

#include "bench/account.h"

enum {
	ROUNDS_MOST = 4096,
	DISTURBED_PER_S = 20000, // 50 microseconds are so little of a second
};

struct stopwatch {
	uint32_t n;
	uint64_t began;
	uint64_t rounds[ROUNDS_MOST];
	struct accounts *by; // of each round; NULL: there are none
};

struct reading {
	double cycles; // a unit of work
	uint32_t left_out; // rounds
	double refused; // part of the work that could not be done
	uint32_t called; // parts that were, a bit each
	double by[ACCOUNTS]; // cycles a unit of theirs, without taking the time
	double rest; // of no part
};

void stopwatch_begin(struct stopwatch *w);
void stopwatch_end(struct stopwatch *w);

// Of all rounds so far, each with so many units of work; the next one is the first again.
struct reading stopwatch_read(struct stopwatch *w, uint32_t units);
