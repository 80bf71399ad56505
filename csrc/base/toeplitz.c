// SPDX-License-Identifier: BSD-3-Clause

#include "base/toeplitz.h"

// The 32 bits of the key that begin at a bit.
static uint32_t window(const uint8_t *key, uint32_t bit) {
	uint64_t bits = 0;

	for (uint32_t i = 0; i < 5; i++)
		bits = bits << 8 | (bit / 8 + i < TOEPLITZ_KEY_MIN ? key[bit / 8 + i] : 0);
	return (uint32_t)(bits >> (8 - bit % 8));
}

void toeplitz_init(struct toeplitz *t, const uint8_t *key) {
	for (uint32_t place = 0; place < 2 * TOEPLITZ_INPUT; place++)
		for (uint32_t value = 0; value < 16; value++) {
			uint32_t hash = 0;
			for (uint32_t i = 0; i < 4; i++)
				if (value & 8u >> i)
					hash ^= window(key, 4 * place + i);
			t->nibble[place][value] = hash;
		}
}
