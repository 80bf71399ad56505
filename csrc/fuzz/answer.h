// SPDX-License-Identifier: BSD-3-Clause
// What the other end makes of a frame that the engine sent: so established sessions are reached, whatever local port was
// chosen.
#pragma once

#include "fuzz/input.h"

// Each writes a frame into `out`, FRAME_MAX long, and returns its length; 0: the frame has no answer. Nothing is made
// right yet.
uint32_t answer_reply(
	const uint8_t *frame, uint32_t len, const struct fuzz_reply *reply, uint8_t *out
);
uint32_t answer_quote(
	const uint8_t *frame, uint32_t len, const struct fuzz_quote *quote, uint8_t *out
);
