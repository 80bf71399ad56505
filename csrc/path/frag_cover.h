// SPDX-License-Identifier: BSD-3-Clause
// Which bytes of a datagram have come, as ranges of which no two touch.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { COVER_RANGES = 16 };

struct cover_range {
	uint16_t from;
	uint16_t to; // the first byte behind it
};

struct cover {
	uint16_t end; // the datagram's length; 0: not known yet
	uint16_t n;
	struct cover_range ranges[COVER_RANGES];
};

enum cover_result {
	COVER_NEW = 0,
	COVER_REPEATED, // lies within what has come
	COVER_WRONG, // overlaps in part, or contradicts the datagram's end
	COVER_FULL, // one range more than there is room for
};

// What a fragment, not empty, is to what has come; looked at in the order of the names but for the first.
enum cover_result cover_check(const struct cover *c, uint16_t from, uint16_t to, bool last);

// All of the datagram has come.
bool cover_is_whole(const struct cover *c);

// Adds one that is COVER_NEW.
void cover_add(struct cover *c, uint16_t from, uint16_t to, bool last);
