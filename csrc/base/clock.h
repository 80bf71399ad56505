// SPDX-License-Identifier: BSD-3-Clause
// Coarse time. A packet only stores the tick it was seen in; everything that expires is measured in ticks.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// No time-out is longer: from half the clock's range on, later would look like earlier.
enum { TICK_HZ = 16, CLOCK_MAX_S = 7 * 24 * 3600 };

static inline uint32_t clock_ticks_from_s(uint32_t seconds) {
	return seconds * TICK_HZ;
}

static inline uint32_t clock_ms_from_ticks(uint32_t ticks) {
	return (uint32_t)((uint64_t)ticks * 1000 / TICK_HZ);
}

// Ticks wrap after eight years; differences stay right across the wrap.
static inline bool clock_reached(uint32_t now, uint32_t tick) {
	return (int32_t)(now - tick) >= 0;
}
