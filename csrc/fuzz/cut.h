// SPDX-License-Identifier: BSD-3-Clause
// Fragments of a frame, by RFC 791 and RFC 8200, and wrong ones.
#pragma once

#include "fuzz/input.h"

#include <stdbool.h>

struct piece {
	uint32_t offset; // into what is cut
	uint32_t len;
	bool last;
};

// How a packet of `len` bytes behind its header is cut, in the order of sending; returns how many pieces, at most
// FUZZ_MAX_PIECES.
uint32_t cut_plan(uint32_t len, uint8_t cut, struct piece *pieces);

// Bytes of the frame before and behind the cut: the part that every piece repeats. 0: the frame cannot be cut.
uint32_t cut_head(const uint8_t *frame, uint32_t len);

// Writes one piece into `out`, FRAME_MAX long, with lengths and IPv4 checksum right; returns its length.
uint32_t cut_piece(const uint8_t *frame, uint32_t head, const struct piece *piece, uint8_t *out);
