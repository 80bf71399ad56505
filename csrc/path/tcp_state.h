// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "path/pkt.h"

// Both ends know of the connection, and one of them at least may still send.
static inline bool tcp_is_open(uint8_t state) {
	return state == SLB_TCP_ESTABLISHED || state == SLB_TCP_FIN_WAIT
		|| state == SLB_TCP_CLOSE_WAIT || state == SLB_TCP_LAST_ACK;
}

// The state of a TCP session after a packet with these flags in this direction.
uint8_t tcp_state_next(uint8_t state, enum direction dir, uint8_t tcp_flags);
