// SPDX-License-Identifier: BSD-3-Clause
// The network an input runs in: addresses, services and views of forwarding. All of it is fixed, so that an input's
// bytes mean the same in every build.
#pragma once

#include "slb_harness_c.h"

#include "fuzz/input.h"

#include <stdbool.h>

enum { WORLD_SERVICES = 12, WORLD_SERVERS = 8, WORLD_VIEWS = 6, WORLD_VLAN = 100 };

// Of an address that may stand in a packet, in network order.
struct world_address {
	uint8_t bytes[16];
	uint8_t family; // 4 or 6
};

// Gives the ports their NICs too.
void world_config(const struct fuzz_head *head, struct slb_config *config);

// After so long without packets every session is over.
uint32_t world_longest_ms(const struct slb_config *config);

// Time-outs of a VS by number (struct fuzz_change).
void world_timeouts(uint8_t number, uint32_t *timeout_s);

// The VS and RS that are there at the start; those a build does not know are refused and missing.
void world_services(const struct fuzz_head *head);

// Numbers modulo what there is. Views that need a second port do without where there is one.
void world_view(uint8_t number, uint16_t ports);
struct slb_endpoint world_service(uint8_t number);
struct slb_endpoint world_server(uint8_t number);

// Ends the sessions of a server of a service, from 128 on of all its servers; -errno when nobody has or had it.
int world_reset(uint8_t service, uint8_t server);

// Addresses that mean something: clients, VIPs, RS, local addresses, the host's own, groups.
uint32_t world_addresses(uint8_t family, const struct world_address **addresses);

// Ports that mean something, in host order.
uint32_t world_ports(const uint16_t **ports);

// A router on the way, for ICMP errors.
struct world_address world_router(uint8_t family);

// Is it a VIP, a local address or the host's own: one that a frame may be sent from?
bool world_is_ours(const uint8_t *address, uint8_t family);
