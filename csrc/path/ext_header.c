// SPDX-License-Identifier: BSD-3-Clause
// A packet with more than a handful of extension headers serves nobody but an attacker, and a type 0 routing header must
// not be followed (RFC 5095), so both are refused; so is any other routing header that is not used up, for it
// makes the destination address another one than that of the checksum.

#include "path/ext_header.h"

#include <rte_byteorder.h>
#include <string.h>

enum {
	HOP_BY_HOP = 0,
	ROUTING = 43,
	FRAGMENT = 44,
	AUTHENTICATION = 51,
	DESTINATION = 60,
	MAX_HEADERS = 8,
	FRAGMENT_HEADER = 8,
	OFFSET = 0xfff8,
	OFFSET_AND_MORE = 0xfff9,
};

static uint16_t fragment_bits(const uint8_t *header) {
	uint16_t bits_be;

	memcpy(&bits_be, header + 2, sizeof(bits_be));
	return rte_be_to_cpu_16(bits_be);
}

static bool is_extension(uint8_t proto) {
	return proto == HOP_BY_HOP || proto == ROUTING || proto == FRAGMENT
		|| proto == AUTHENTICATION || proto == DESTINATION;
}

// Bytes of the header; it must have two.
static uint32_t length_of(uint8_t proto, const uint8_t *header) {
	if (proto == FRAGMENT)
		return FRAGMENT_HEADER;
	if (proto == AUTHENTICATION)
		return (header[1] + 2u) * 4;
	return (header[1] + 1u) * 8;
}

struct ext_walk ext_walk(uint8_t first, const uint8_t *at, uint32_t room) {
	struct ext_walk w = {.proto = first, .last_at = UINT32_MAX, .fragment_at = UINT32_MAX};

	for (int n = 0; is_extension(w.proto); n++) {
		const uint8_t *header = at + w.len;
		uint8_t type = w.proto;
		uint32_t len;
		w.wrong = n == MAX_HEADERS || room - w.len < FRAGMENT_HEADER
			|| (type == HOP_BY_HOP && n > 0) || (type == ROUTING && header[3] != 0)
			|| (type == FRAGMENT && w.fragment_at != UINT32_MAX);
		if (w.wrong)
			break;
		len = length_of(type, header);
		w.wrong = len > room - w.len;
		if (w.wrong)
			break;
		w.last_at = w.len;
		w.proto = header[0];
		w.len += len;
		if (type == FRAGMENT) {
			w.fragment_at = w.last_at;
			w.fragment = (fragment_bits(header) & OFFSET_AND_MORE) != 0;
			// What follows is payload, or in the first fragment what only the whole datagram has.
			if (w.fragment)
				break;
		}
	}
	return w;
}

bool ext_is_later(const uint8_t *at, const struct ext_walk *w) {
	return w->fragment_at != UINT32_MAX && (fragment_bits(at + w->fragment_at) & OFFSET) != 0;
}
