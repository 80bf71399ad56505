// SPDX-License-Identifier: BSD-3-Clause
// What the fuzzer knows of frames, written apart from the product's parser so that both cannot be wrong alike. It reads
// any bytes; what it does not understand it leaves alone.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
	FRAME_MAX = 9216, // HARNESS_FRAME
	ETH_LEN = 14,
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_ARP = 0x0806,
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_QINQ = 0x88a8,
	ETHERTYPE_IPV6 = 0x86dd,
	PROTO_ICMP = 1,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_FRAGMENT = 44,
	PROTO_ICMPV6 = 58,
	TCP_FIN = 1,
	TCP_SYN = 2,
	TCP_RST = 4,
	TCP_ACK = 16,
};

// Offsets into a frame. l3 == 0: no IP; l4 == 0: no L4 header that could be read.
struct layers {
	uint16_t l3;
	uint16_t l4;
	uint16_t end; // of the IP packet, by its own length or where the frame ends
	uint16_t proto_at; // the byte that names the L4 protocol
	uint16_t fragment_at; // IPv6 fragment header
	uint16_t fragment_offset; // bytes
	uint8_t version; // 4 or 6
	uint8_t proto;
	bool fragment; // a part of a packet, first or later
	bool whole; // the length in the IP header fits the frame
};

// `frame` begins with an Ethernet header.
void layers_of(const uint8_t *frame, uint32_t len, struct layers *l);

// `packet` begins with an IP header.
void layers_of_ip(const uint8_t *packet, uint32_t len, struct layers *l);

// Sum of 16-bit words in one's complement, not inverted.
uint16_t sum_bytes(const uint8_t *data, uint32_t len, uint32_t sum);

// A right checksum, or none where there can be none.
bool ip_sum_ok(const uint8_t *frame, const struct layers *l);
bool l4_sum_ok(const uint8_t *frame, const struct layers *l);

// Makes right what `fix` (enum fuzz_fix) names.
void frame_fix(uint8_t *frame, uint32_t len, uint8_t fix);

// Exchanges `len` bytes.
void swap_bytes(uint8_t *a, uint8_t *b, uint32_t len);
