// SPDX-License-Identifier: BSD-3-Clause
// The shortest UDP frames, 60 bytes with IPv4 and 66 with IPv6, as they come from a client or an RS.
#pragma once

#include "path/pkt.h"

enum {
	BENCH_VIP_PORT = 80,
	// networks of IPv4, host order; of IPv6 what stands behind 2001:db8
	BENCH_VIP = 0x0a60000a,
	BENCH_LINK = 0xc0000200,
	BENCH_LOCALS = 0xc6120000,
	BENCH_SERVERS = 0x0a0a0000,
	BENCH_CLIENTS = 0xcb000000,
};

// Of a packet that arrives: all that the path finds its session by.
struct frame_key {
	struct flow_key key;
	uint8_t kind; // as in struct pkt
	uint8_t dir;
	uint8_t addrs6[2 * IP6_BYTES];
	uint32_t line; // where its session stands in the table
};

// Writes the Ethernet header of a frame to our port into an mbuf, whatever was in it; returns where its `len` bytes of packet begin.
void *frame_begin(struct rte_mbuf *m, uint16_t type, uint16_t len);

struct rte_ipv4_hdr;

// Writes the IPv4 header of a packet of `len` bytes with a key's addresses, its checksum included.
void frame_ipv4(struct rte_ipv4_hdr *ip, uint16_t len, uint8_t proto, const struct flow_key *key);

// Writes the frame of a packet into an mbuf, whatever was in it.
void frame_write(struct rte_mbuf *m, const struct frame_key *k);

// Of the first packet of client number n, but for its line.
struct frame_key frame_of_client(uint32_t n, bool v6);

// From where it goes to, and to where it comes from.
struct flow_key flow_turned(const struct flow_key *key);
struct frame_key frame_turned(const struct frame_key *k);

// The first packet of client number n.
void frame_first(struct rte_mbuf *m, uint32_t n, bool v6);

// Whether the frame, of UDP or TCP, has source and destination of this one.
bool frame_has_ends(const struct rte_mbuf *m, const struct frame_key *k);

// UDP or TCP.
uint8_t frame_proto(const struct rte_mbuf *m);

// Whether the frame, of UDP or TCP and as it is to be sent, has right checksums.
bool frame_is_right(const struct rte_mbuf *m);

// Whether the frame, as it is to be sent, has right checksums, and source and destination of this one.
bool frame_is(const struct rte_mbuf *m, const struct frame_key *k);
