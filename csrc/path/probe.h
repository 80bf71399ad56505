// SPDX-License-Identifier: BSD-3-Clause
// A packet of our own that shows where a device brings what is sent to a local address: it goes to a next hop, which sends it back
// like a reply of an RS, and the worker that it comes to counts it. No session can have its destination port, so only packets that
// find no session are ever looked at, and a nonce of this life of the process tells it from everybody else's.
#pragma once

#include "base/ipaddr.h"
#include "slb.h"

#include <stdbool.h>

enum source;
struct core;
struct pkt;

enum {
	PROBE_DPORT_FIRST =
		768, // below all local ports, and of no service that routers and firewalls know
	PROBE_DPORTS = 256,
};

// How a probe came, as a worker sees it.
enum probe_seen {
	PROBE_RIGHT = 0, // to its worker
	PROBE_ELSEWHERE, // to another one, which hands it over
	PROBE_HANDED, // to its worker, from that other one
	PROBE_SEEN_COUNT,
};

struct probe {
	struct ipaddr src; // the host's own, of the same family
	struct ipaddr dst; // the local address
	uint16_t sport_be;
	uint16_t dport_be;
	uint16_t port; // that it leaves by
	uint8_t proto; // TCP or UDP
	uint8_t src_mac[6];
	uint8_t dst_mac[6];
};

// Sends one; without a buffer nothing but the drop's count.
void probe_send(struct core *c, const struct probe *probe);

// Whether a packet to a local address of worker `owner` is a probe of ours; if so, counts how it came.
bool probe_came(struct core *c, const struct pkt *p, uint16_t owner, enum source from);
