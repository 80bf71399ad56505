// SPDX-License-Identifier: BSD-3-Clause
// Segments of TCP over IPv4 in frames of 60 bytes: without time stamps, and with an MSS where they are SYNs.
#pragma once

#include "path/pkt.h"

enum { TCP_FRAME_DATA = 6 }; // bytes that a segment with data carries

struct tcp_frame {
	struct flow_key key;
	uint32_t seq;
	uint32_t ack; // said only with the flag
	uint8_t flags;
	bool data;
};

void tcp_frame_write(struct rte_mbuf *m, const struct tcp_frame *f);

// Whether the frame, as it is to be sent, is this segment, with right checksums.
bool tcp_frame_is(const struct rte_mbuf *m, const struct tcp_frame *f);
