// SPDX-License-Identifier: BSD-3-Clause
// What an lcore does after an empty round: spin, or back off so that lcores sharing a CPU let each other run.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct idle {
	uint8_t policy; // enum slb_idle
	uint32_t empty; // rounds in a row without work
};

void idle_init(struct idle *idle, uint8_t policy);
void idle_wait(struct idle *idle, bool rests);

// rests: nothing is expected of the lcore, so it backs off whatever its policy.
static inline void idle_round(struct idle *idle, bool worked, bool rests) {
	if (worked)
		idle->empty = 0;
	else
		idle_wait(idle, rests);
}
