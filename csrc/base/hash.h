// SPDX-License-Identifier: BSD-3-Clause
// A seeded hash of 16 bytes, or of more in steps: both halves are keyed with secrets and folded by a 64x64->128 multiplication, the
// mixing step of wyhash (Wang Yi, 2019). The secrets differ at every start, so a sender cannot choose packets that
// meet in one bucket, as they can with an unkeyed or a linear (CRC, Toeplitz) hash.
#pragma once

#include <stdint.h>

struct hash_seed {
	uint64_t a;
	uint64_t b;
};

static inline uint64_t hash_mix(uint64_t a, uint64_t b) {
	__uint128_t product = (__uint128_t)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_16(const struct hash_seed *seed, uint64_t a, uint64_t b) {
	return hash_mix(hash_mix(a ^ seed->a, b ^ seed->b), seed->a ^ 0x9e3779b97f4a7c15ULL);
}

static inline uint64_t hash_32(
	const struct hash_seed *seed, uint64_t a, uint64_t b, uint64_t c, uint64_t d
) {
	return hash_16(seed, hash_16(seed, a, b), hash_mix(c ^ seed->b, d ^ seed->a));
}
