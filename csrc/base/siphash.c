// SPDX-License-Identifier: BSD-3-Clause

#include "base/siphash.h"

#include <rte_byteorder.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { WORD = sizeof(uint64_t), ROUNDS_A_WORD = 2, ROUNDS_AT_END = 4 };

struct state {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t turned(uint64_t value, int bits) {
	return value << bits | value >> (64 - bits);
}

static inline void sip_rounds(struct state *s, int count) {
	for (; count > 0; count--) {
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = turned(s->v1, 13) ^ s->v0;
		s->v3 = turned(s->v3, 16) ^ s->v2;
		s->v0 = turned(s->v0, 32) + s->v3;
		s->v2 += s->v1;
		s->v3 = turned(s->v3, 21) ^ s->v0;
		s->v1 = turned(s->v1, 17) ^ s->v2;
		s->v2 = turned(s->v2, 32);
	}
}

static inline void absorb(struct state *s, uint64_t word) {
	s->v3 ^= word;
	sip_rounds(s, ROUNDS_A_WORD);
	s->v0 ^= word;
}

uint64_t siphash(const struct siphash_key *key, const void *bytes, size_t len) {
	struct state s = {
		.v0 = key->k0 ^ 0x736f6d6570736575ULL,
		.v1 = key->k1 ^ 0x646f72616e646f6dULL,
		.v2 = key->k0 ^ 0x6c7967656e657261ULL,
		.v3 = key->k1 ^ 0x7465646279746573ULL,
	};
	const uint8_t *at = bytes;
	uint64_t word, last = 0;

	for (size_t left = len; left >= WORD; left -= WORD, at += WORD) {
		memcpy(&word, at, WORD);
		absorb(&s, rte_le_to_cpu_64(word));
	}
	memcpy(&last, at, len % WORD);
	absorb(&s, rte_le_to_cpu_64(last) | (uint64_t)len << 56);
	s.v2 ^= 0xff;
	sip_rounds(&s, ROUNDS_AT_END);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

struct siphash_key siphash_key_draw(void) {
	struct siphash_key key;

	// So few bytes come whole, and only before the kernel has begun to collect could there be none.
	if (getrandom(&key, sizeof(key), 0) != sizeof(key))
		abort();
	return key;
}
