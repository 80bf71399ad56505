// SPDX-License-Identifier: BSD-3-Clause
// New frames to begin with: a client's first packets, what belongs to the kernel, and strange ones.
#pragma once

#include "fuzz/dice.h"

// Writes a frame with lengths right and checksums unset into `out`, FRAME_MAX long; returns its length.
uint32_t template_frame(struct dice *d, uint8_t *out);
