// SPDX-License-Identifier: BSD-3-Clause
// An RST with nothing behind it, made from scratch (RFC 9293, 3.10.7).
#pragma once

#include "base/ipaddr.h"

struct rst {
	struct ipaddr src; // both of one family
	struct ipaddr dst;
	uint16_t sport_be;
	uint16_t dport_be;
	uint32_t seq;
	uint32_t ack;
	bool acks; // has an acknowledgement number
};

// Bytes of both headers.
uint16_t rst_len(const struct rst *r);

// Writes IP and TCP header with right checksums; returns the first byte behind them.
void *rst_write(void *at, const struct rst *r);
