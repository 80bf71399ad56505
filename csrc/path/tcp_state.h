// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "path/pkt.h"

// The state of a TCP session after a packet with these flags in this direction.
uint8_t tcp_state_next(uint8_t state, enum direction dir, uint8_t tcp_flags);
