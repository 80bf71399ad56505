// SPDX-License-Identifier: BSD-3-Clause
// An IP address of either family as one value, in host order, so that addresses are compared, sorted and hashed the same
// way: an IPv4 address is its IPv4-mapped form ::ffff:a.b.c.d (RFC 4291, 2.5.5.2). Used where tables hold both
// families; packets and sessions keep the bytes as they are sent.
#pragma once

#include "slb.h"

#include <rte_byteorder.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct ipaddr {
	uint64_t hi;
	uint64_t lo;
};

enum { IP6_BYTES = 16 };

#define IP_V4_FIRST 0x0000ffff00000000ULL // lo of ::ffff:0.0.0.0
#define IP_V4_LAST 0x0000ffffffffffffULL

static inline struct ipaddr ipaddr_from_v4(uint32_t addr_be) {
	return (struct ipaddr){.lo = IP_V4_FIRST | rte_be_to_cpu_32(addr_be)};
}

static inline struct ipaddr ipaddr_from_v6(const void *bytes) {
	uint64_t half[2];

	memcpy(half, bytes, sizeof(half));
	return (struct ipaddr){.hi = rte_be_to_cpu_64(half[0]), .lo = rte_be_to_cpu_64(half[1])};
}

static inline bool ipaddr_is_v4(struct ipaddr a) {
	return (a.hi | (a.lo >> 32 ^ IP_V4_FIRST >> 32)) == 0;
}

// Of an IPv4 address.
static inline uint32_t ipaddr_v4_be(struct ipaddr a) {
	return rte_cpu_to_be_32((uint32_t)a.lo);
}

static inline void ipaddr_v6_bytes(struct ipaddr a, void *bytes) {
	uint64_t half[2] = {rte_cpu_to_be_64(a.hi), rte_cpu_to_be_64(a.lo)};

	memcpy(bytes, half, sizeof(half));
}

static inline bool ipaddr_equal(struct ipaddr a, struct ipaddr b) {
	return a.hi == b.hi && a.lo == b.lo;
}

static inline bool ipaddr_below(struct ipaddr a, struct ipaddr b) {
	return a.hi != b.hi ? a.hi < b.hi : a.lo < b.lo;
}

static inline int ipaddr_order(struct ipaddr a, struct ipaddr b) {
	return ipaddr_below(b, a) - ipaddr_below(a, b);
}

static inline bool ipaddr_is_link_local(struct ipaddr a) {
	return a.hi >> 54 == 0xfe80 >> 6;
}

// Whether a host that routes lead to may have this address: not this network, loopback, multicast or link-local, nor an
// IPv6 form that embeds an IPv4 address (all of those lie in ::/64).
static inline bool ipaddr_is_routable(struct ipaddr a) {
	uint32_t v4 = (uint32_t)a.lo;

	if (ipaddr_is_v4(a))
		return v4 >> 24 != 0 && v4 >> 24 != 127 && v4 < 0xe0000000u;
	return a.hi != 0 && a.hi >> 56 != 0xff && !ipaddr_is_link_local(a);
}

// The next address, and ::0 after the last.
static inline struct ipaddr ipaddr_next(struct ipaddr a) {
	return (struct ipaddr){.hi = a.hi + (a.lo == UINT64_MAX), .lo = a.lo + 1};
}

// As the C/Python boundary has it; family must be 4 or 6.
static inline struct ipaddr ipaddr_from_address(const struct slb_address *a) {
	uint32_t addr_be;

	if (a->family == 6)
		return ipaddr_from_v6(a->bytes);
	memcpy(&addr_be, a->bytes, sizeof(addr_be));
	return ipaddr_from_v4(addr_be);
}

static inline struct slb_address ipaddr_to_address(struct ipaddr a) {
	struct slb_address address = {.family = ipaddr_is_v4(a) ? 4 : 6};
	uint32_t addr_be = ipaddr_v4_be(a);

	if (address.family == 6)
		ipaddr_v6_bytes(a, address.bytes);
	else
		memcpy(address.bytes, &addr_be, sizeof(addr_be));
	return address;
}

static inline struct slb_endpoint ipaddr_endpoint(
	struct ipaddr a, uint16_t port_be, uint8_t proto
) {
	return (struct slb_endpoint){
		.addr = ipaddr_to_address(a), .port_be = port_be, .proto = proto
	};
}
