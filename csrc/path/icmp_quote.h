// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "path/pkt.h"

// The packet that an ICMP error quotes, or the start of it: TCP or UDP, with its first 8 bytes at least.
struct quote {
	union {
		struct rte_ipv4_hdr *ip4;
		struct rte_ipv6_hdr *ip6; // when kind has KIND_V6
	};
	void *l4; // behind all options and extension headers
	uint16_t there; // bytes that are quoted
	uint16_t header; // of them, those up to l4
	uint16_t ip_len; // as its IP header says: header and payload
	uint16_t l4_there; // bytes of TCP or UDP that are quoted
	uint8_t ttl;
	uint8_t tos;
	// Turned round, so that its sender's session is found by it.
	uint8_t kind;
	struct flow_key key;
	uint8_t addrs6[2 * IP6_BYTES];
};

enum { QUOTED_L4 = 8, TCP_CSUM_END = 18 };

// Reads the quotation of an ICMP error, of which all that may have to be changed must lie in the first segment. False:
// dropped, because it is not one that a packet sent from the error's destination can have led to.
bool quote_read(struct pkt *p, struct quote *q);
