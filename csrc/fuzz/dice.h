// SPDX-License-Identifier: BSD-3-Clause
// Random numbers of one mutation, from libFuzzer's seed.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct dice {
	uint64_t state;
};

// SplitMix64 (Steele, Lea and Flood, 2014), upper half.
static inline uint32_t dice_roll(struct dice *d) {
	uint64_t z = d->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return (uint32_t)((z ^ z >> 31) >> 32);
}

// 0 ... sides - 1
static inline uint32_t dice_of(struct dice *d, uint32_t sides) {
	return (uint32_t)((uint64_t)dice_roll(d) * sides >> 32);
}

static inline bool dice_one_in(struct dice *d, uint32_t sides) {
	return dice_of(d, sides) == 0;
}
