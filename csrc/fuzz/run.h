// SPDX-License-Identifier: BSD-3-Clause
// Carries out an input: opens the engine as its head says, runs its records, lets time pass until everything must be
// over, and closes. Checks on the way (check.h).
#pragma once

#include "slb.h"

void run_input(const uint8_t *input, size_t size);

// Since the process began. tests/fuzz reads them while they grow.
struct run_totals {
	uint64_t inputs;
	uint64_t packets; // that went through the path
	uint64_t sent;
	uint64_t punted;
	uint64_t handed_off;
	uint64_t dropped[SLB_DROP_COUNT];
};

// Where run_input counts; may be pointed into shared memory before the first input.
extern struct run_totals *run_totals;
