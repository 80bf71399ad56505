// SPDX-License-Identifier: BSD-3-Clause
// What belongs to the kernel goes to the KNI core, metered, so that a flood of it cannot push out what keeps the host
// reachable: OSPF with BFD, ARP and the rest have a meter each.
#pragma once

#include "path/core.h"

enum { PROTO_OSPF = 89 };

// Stage of the path: decides packets that are neither TCP, UDP nor ICMP, multicast, and fragments for the host itself.
void punt(struct core *c, struct burst *b);

// Whether the packet is for all OSPF routers on the link, or the designated ones.
bool punt_is_ospf_group(const struct pkt *p);

// The meter that a packet for the kernel is under, if it is not OSPF.
enum punt_class punt_class(const struct pkt *p);

// Spends a token of the class; false: over the rate.
bool punt_allowed(struct core *c, enum punt_class class);

// The worker's meters get its share of what all workers may punt.
void punt_share(struct core *c);

void punt_meter_init(struct punt_meter *meter, uint32_t pps, uint32_t now);

// Takes a token; false: none left.
bool punt_meter_take(struct punt_meter *meter, uint32_t now);
