// SPDX-License-Identifier: BSD-3-Clause
// Virtual servers as one worker sees them. The index and the vs objects are built by the admin core, one copy a worker;
// the worker swaps pointers and hands the old ones back. Only the scheduler's own fields are written here.
#pragma once

#include "base/ipaddr.h"

#include <stdbool.h>
#include <stdint.h>

struct vs_rs {
	struct ipaddr addr;
	uint16_t port_be;
	uint16_t weight;
	uint32_t slot;
	uint32_t walk; // over local ports; the same for every VS that has this RS
	int32_t credit; // worker only: smooth weighted round robin
};

struct vs {
	struct ipaddr addr;
	uint16_t port_be;
	uint8_t proto;
	uint8_t scheduler; // enum slb_sched
	uint16_t slot;
	uint8_t policy; // number
	bool syn_proxy;
	bool rs_v6; // one RS at least is IPv6
	uint32_t n_rs;
	uint32_t total_weight;
	uint32_t turn; // worker only: round robin
	struct vs_rs rs[];
};

// Open addressing over (address, port, protocol); an address alone (port and protocol 0) marks a VIP.
struct vs_index_entry {
	struct ipaddr addr;
	uint16_t port_be;
	uint8_t proto;
	uint8_t used;
	uint16_t slot;
	uint16_t reserved;
};

struct vs_index {
	uint32_t mask;
	uint32_t n_vs;
	struct vs_index_entry entries[];
};

enum { VS_NONE = UINT16_MAX };

// Slot of the VS, or VS_NONE.
uint16_t vs_find(const struct vs_index *index, struct ipaddr addr, uint16_t port_be, uint8_t proto);

bool vs_is_vip(const struct vs_index *index, struct ipaddr addr);

// For the builder: enters a key; the index must have a free entry.
void vs_index_put(
	struct vs_index *index, struct ipaddr addr, uint16_t port_be, uint8_t proto, uint16_t slot
);
