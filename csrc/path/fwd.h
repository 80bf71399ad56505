// SPDX-License-Identifier: BSD-3-Clause
// The forwarding view: where a destination is sent, mirrored from the kernel's routes and neighbours. Built by the admin
// core, one copy a worker, never changed afterwards: a new view replaces it whole. The longest match is flattened
// into disjoint ranges of addresses, so a look-up is a binary search and needs no memory per prefix length. Both families
// share the ranges; an IPv6 route never covers the IPv4-mapped ones.
#pragma once

#include "base/ipaddr.h"

#include <stdbool.h>
#include <stdint.h>

enum { HOP_NONE = 0, FWD_MAX_HOPS = UINT16_MAX };

enum hop_state {
	HOP_NO_ROUTE = 0,
	HOP_UNRESOLVED, // no MAC known yet
	HOP_READY,
};

struct hop {
	uint8_t dst_mac[6];
	uint8_t src_mac[6];
	uint16_t port;
	uint16_t mtu;
	struct ipaddr addr; // whose MAC is wanted; all zero: the packet's destination
	uint8_t state; // enum hop_state
	uint8_t reserved[7];
};

_Static_assert(sizeof(struct hop) == 40, "no holes");

struct fwd {
	uint32_t n_ranges;
	uint32_t n_hops;
	uint32_t n_own;
	struct ipaddr *start; // first address of each range, ascending; start[0] is ::0
	uint16_t *range_hop;
	struct hop *hops; // hops[HOP_NONE] is "no route"
	struct ipaddr *own; // the ports' own addresses and broadcasts, ascending
};

// Index into hops of the longest match for dst; HOP_NONE without a route.
uint16_t fwd_find(const struct fwd *fwd, struct ipaddr dst);

bool fwd_is_own(const struct fwd *fwd, struct ipaddr dst);
