// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct ext_walk {
	uint32_t len; // bytes of all extension headers
	uint32_t
		last_at; // offset of the next-header byte that names proto, from the first extension header; UINT32_MAX: in
	// the IPv6 header
	uint32_t
		fragment_at; // offset of the fragment header, from the first extension header; UINT32_MAX: none
	uint8_t proto; // behind them
	bool fragment; // one of several: there is a fragment header, and it is not that of a whole packet
	bool wrong; // cut off, too many, or source routing
};

// Whether the packet walked through, `at` as below, is a fragment other than the first.
bool ext_is_later(const uint8_t *at, const struct ext_walk *w);

// Walks IPv6 extension headers (RFC 8200, 4) from `first`, the IPv6 header's next-header value; at: what follows that
// header, of which `room` bytes may be read. Stops at the first header that is none of them, and behind the
// fragment header of a fragment.
struct ext_walk ext_walk(uint8_t first, const uint8_t *at, uint32_t room);
