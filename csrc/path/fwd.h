// SPDX-License-Identifier: BSD-3-Clause
// The forwarding view: where a destination is sent, mirrored from the kernel's routes and neighbours. Built by the admin
// core, one copy a worker, never changed afterwards: a new view replaces it whole. The longest match is flattened
// into disjoint ranges of addresses, so a look-up is a binary search and needs no memory per prefix length.
#pragma once

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
	uint32_t addr_be; // whose MAC is wanted; 0: the packet's destination
	uint8_t state; // enum hop_state
	uint8_t reserved[3];
};

_Static_assert(sizeof(struct hop) == 24, "a hop is copied by value");

struct fwd {
	uint32_t n_ranges;
	uint32_t n_hops;
	uint32_t n_own;
	uint32_t *start; // first address of each range, host order, ascending; start[0] is 0
	uint16_t *range_hop;
	struct hop *hops; // hops[HOP_NONE] is "no route"
	uint32_t *own; // the ports' own addresses and broadcasts, host order, ascending
};

// Index into hops of the longest match for dst; HOP_NONE without a route.
uint16_t fwd_find(const struct fwd *fwd, uint32_t dst_be);

bool fwd_is_own(const struct fwd *fwd, uint32_t dst_be);
