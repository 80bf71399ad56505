// SPDX-License-Identifier: BSD-3-Clause
// Incremental Internet checksums (RFC 1624, equation 3): HC' = ~(~HC + ~m + m'). `~m + m'` of everything a session
// rewrites is summed once, when the session is made; a packet adds it. The other direction undoes the same
// change, and in one's complement that is the bitwise inverse. A checksum that was wrong stays wrong by as much.
#pragma once

#include <rte_byteorder.h>
#include <stdint.h>
#include <string.h>

// Both halves are added to each other, so that each one's carry arrives in the other: the end-around carry of the upper.
static inline uint16_t csum_fold(uint32_t sum) {
	return (uint16_t)((sum + (sum << 16 | sum >> 16)) >> 16);
}

static inline uint32_t csum_sum32(uint32_t value) {
	return (value & 0xffff) + (value >> 16);
}

// The delta of replacing one 32-bit field, in memory order, unfolded.
static inline uint32_t csum_replace32(uint32_t from, uint32_t to) {
	uint64_t sum = (uint64_t)(uint32_t)~from + to;

	return (uint32_t)(sum & 0xffff) + (uint32_t)(sum >> 16);
}

// Of up to 2^63.
static inline uint16_t csum_fold64(uint64_t sum) {
	return csum_fold((uint32_t)((sum + (sum << 32 | sum >> 32)) >> 32));
}

// The delta of replacing what sums up to `from`, of up to 2^48, unfolded: 2^48 - 1 is as good as 0 and not below `from`.
static inline uint64_t csum_replace(uint64_t from, uint64_t to) {
	return 0xffffffffffffULL - from + to;
}

static inline uint32_t csum_replace16(uint16_t from, uint16_t to) {
	return (uint16_t)~from + (uint32_t)to;
}

// The sum of up to 64 KB at an address that need not be aligned, unfolded; an odd byte counts as if a zero followed.
static inline uint32_t csum_sum(const void *bytes, uint32_t len) {
	const uint8_t *at = bytes;
	uint32_t sum = 0;
	uint16_t word;

	for (; len >= sizeof(word); at += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		sum += word;
	}
	if (len > 0) {
		word = 0;
		memcpy(&word, at, 1);
		sum += word;
	}
	return sum;
}

// The delta of one less in an IPv4 header's time to live, which stands in the upper half of its word: -0x0100.
static inline uint16_t csum_one_ttl_less(void) {
	return rte_cpu_to_be_16(0xfeff);
}

struct rte_mbuf;

// The folded sum of `len` bytes from offset `at` of a packet of one segment or more, which must hold them.
uint16_t csum_packet(const struct rte_mbuf *m, uint32_t at, uint32_t len);

static inline uint16_t csum_apply(uint16_t csum, uint32_t delta) {
	return (uint16_t)~csum_fold((uint16_t)~csum + delta);
}

// A UDP checksum of 0 means "none" (RFC 768), so none is made up, and a computed 0 is sent as all ones.
static inline uint16_t csum_apply_udp(uint16_t csum, uint32_t delta) {
	uint16_t applied = csum_apply(csum, delta);

	if (csum == 0)
		return 0;
	return applied != 0 ? applied : 0xffff;
}
