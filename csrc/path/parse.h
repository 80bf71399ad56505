// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "path/core.h"

// Stage of the path: takes off the port's VLAN tag and reads the headers of every packet; drops what is malformed, punts what is
// not IP. Plain ones (path/plain.h) are hashed as well, and need none of the stages up to the look-up.
void parse(
	const struct core *c, struct burst *b, struct rte_mbuf *const *mbufs, uint16_t n,
	enum source from
);

// Reads one frame of a port whose tag is vlan_be.
void parse_frame(struct pkt *p, uint16_t vlan_be);

// Reads the L4 header of a first fragment; drops it if that is not whole, or not in the first segment.
void parse_first(struct pkt *p);
