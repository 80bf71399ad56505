// SPDX-License-Identifier: BSD-3-Clause
// SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012): without the key nobody can make, or tell from
// random, the hash of an input that he has not seen hashed.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t k0; // the paper's key bytes 0 to 7, little-endian
	uint64_t k1;
};

uint64_t siphash(const struct siphash_key *key, const void *bytes, size_t len);

// A new key, from the kernel's generator.
struct siphash_key siphash_key_draw(void);
