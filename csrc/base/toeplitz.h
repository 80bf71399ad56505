// SPDX-License-Identifier: BSD-3-Clause
// The Toeplitz hash, by which devices spread packets over their receive queues (RSS): for every bit set in the input, the 32 bits
// of the key that begin at that bit's place are combined by XOR (Microsoft, "RSS hashing functions", in "Receive
// side scaling", Windows driver documentation; the underlying construction: Krawczyk, "LFSR-based hashing and authentication",
// CRYPTO '94). So it is linear: the hash of a whole input is the XOR of its parts' hashes, each taken at its own place.
//
// The input is what the packet has, in network order: source and destination address, source and destination port.
#pragma once

#include <stdint.h>

enum {
	TOEPLITZ_INPUT = 36, // bytes, of IPv6 with ports
	TOEPLITZ_KEY_MIN =
		40, // bytes that such an input needs; of a longer key the rest is not used
};

// Places in the input, in bytes.
enum toeplitz_place {
	TOEPLITZ4_SRC = 0,
	TOEPLITZ4_DST = 4,
	TOEPLITZ4_SPORT = 8,
	TOEPLITZ4_DPORT = 10,
	TOEPLITZ6_SRC = 0,
	TOEPLITZ6_DST = 16,
	TOEPLITZ6_SPORT = 32,
	TOEPLITZ6_DPORT = 34,
};

// A key, made ready: the hash of every value of each half byte at its place, 4.5 KB.
struct toeplitz {
	uint32_t nibble[2 * TOEPLITZ_INPUT][16];
};

// The key in bytes as the device has it, at least TOEPLITZ_KEY_MIN of them.
void toeplitz_init(struct toeplitz *t, const uint8_t *key);

// The share that `n` bytes at place `at` of the input have in its hash; at + n is at most TOEPLITZ_INPUT.
static inline uint32_t toeplitz_part(
	const struct toeplitz *t, uint32_t at, const void *bytes, uint32_t n
) {
	const uint8_t *in = bytes;
	uint32_t hash = 0;

	for (uint32_t i = 0; i < n; i++) {
		const uint32_t (*nibble)[16] = &t->nibble[2 * (at + i)];
		hash ^= nibble[0][in[i] >> 4] ^ nibble[1][in[i] & 15];
	}
	return hash;
}
