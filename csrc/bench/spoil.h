// SPDX-License-Identifier: BSD-3-Clause
// For tests: what the path has made of packets is made wrong, which must end the measurement. So the checks check.
#pragma once

struct rte_mbuf;

extern enum spoil {
	SPOIL_NOTHING,
	SPOIL_BIT, // one that the checksum tells
	SPOIL_ADDRESSES, // exchanged: no checksum tells that
	SPOIL_PORTS, // likewise
	SPOIL_SWAPPED, // a bit of what the yardstick has made, and nothing else
} spoil_what;

// Of a UDP or TCP frame that is to be sent.
void spoil(struct rte_mbuf *m);

// Of one whose addresses were exchanged.
void spoil_swapped(struct rte_mbuf *m);
