// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "fuzz/dice.h"

// Changes one thing about a frame in a buffer of FRAME_MAX bytes: a field, an address, an option, an extension header, a
// tag, the length. Returns the new length.
uint32_t mutate_frame(struct dice *d, uint8_t *frame, uint32_t len);
