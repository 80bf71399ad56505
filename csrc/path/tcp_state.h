// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "path/pkt.h"

#include <rte_branch_prediction.h>
#include <rte_tcp.h>

// Both ends know of the connection, and one of them at least may still send.
static inline bool tcp_is_open(uint8_t state) {
	return state == SLB_TCP_ESTABLISHED || state == SLB_TCP_FIN_WAIT
		|| state == SLB_TCP_CLOSE_WAIT || state == SLB_TCP_LAST_ACK;
}

// tcp_state_next() of any packet in any state.
uint8_t tcp_state_change(uint8_t state, enum direction dir, uint8_t tcp_flags);

// The state of a TCP session after a packet with these flags in this direction.
static inline uint8_t tcp_state_next(uint8_t state, enum direction dir, uint8_t tcp_flags) {
	const uint8_t changing = RTE_TCP_SYN_FLAG | RTE_TCP_FIN_FLAG | RTE_TCP_RST_FLAG;

	if (likely(state == SLB_TCP_ESTABLISHED && !(tcp_flags & changing)))
		return state;
	return tcp_state_change(state, dir, tcp_flags);
}
