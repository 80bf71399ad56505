// SPDX-License-Identifier: BSD-3-Clause
// What inputs have come to since the process began. tests/fuzz reads it while it grows.
#pragma once

#include "slb_harness_c.h"

struct totals {
	uint64_t inputs;
	uint64_t packets; // that came in; those handed over or made by the path are none
	// verdicts, of all that went through a path
	uint64_t sent;
	uint64_t punted;
	uint64_t handed_off;
	uint64_t held;
	uint64_t dropped[SLB_DROP_COUNT]; // as the engine counts, so with those that were answered
};

// May be pointed into shared memory before the first input.
extern struct totals *totals;

void totals_verdict(uint8_t verdict);

// Adds what the workers have counted.
void totals_drops(uint16_t workers);
