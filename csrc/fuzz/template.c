// SPDX-License-Identifier: BSD-3-Clause

#include "fuzz/template.h"

#include "fuzz/bytes.h"
#include "fuzz/frame.h"
#include "fuzz/input.h"
#include "fuzz/world.h"

#include <arpa/inet.h>
#include <string.h>

enum { PROTO_OSPF = 89, TTL = 64 };

static uint32_t put_ethernet(uint8_t *out, uint16_t type) {
	static const uint8_t MACS[12] = {2, 0, 0, 0, 0, 0, 0xaa, 0xaa, 0xaa, 0, 0, 1};

	memcpy(out, MACS, sizeof(MACS));
	put16(out + 12, type);
	return ETH_LEN;
}

static void put_address(uint8_t *at, uint8_t family, uint32_t number) {
	const struct world_address *all;
	uint32_t n = world_addresses(family, &all);

	memcpy(at, all[number % n].bytes, family == 4 ? 4 : 16);
}

// From the client, mostly, to one of the first addresses, which are the VIPs.
static uint32_t put_ip(struct dice *d, uint8_t *out, uint8_t family, uint8_t proto) {
	uint32_t from = dice_one_in(d, 8) ? dice_of(d, 20) : 0;
	uint32_t to = dice_one_in(d, 4) ? dice_of(d, 20) : 1 + dice_of(d, 3);
	uint32_t at = put_ethernet(out, family == 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
	uint8_t *ip = out + at;

	memset(ip, 0, 40);
	if (family == 4) {
		ip[0] = 0x45;
		put16(ip + 4, dice_of(d, 4));
		ip[8] = TTL;
		ip[9] = proto;
		put_address(ip + 12, 4, from);
		put_address(ip + 16, 4, to);
		return at + 20;
	}
	ip[0] = 0x60;
	ip[6] = proto;
	ip[7] = TTL;
	put_address(ip + 8, 6, from);
	put_address(ip + 24, 6, to);
	return at + 40;
}

// A VS of the family and protocol, as the destination of the frame; its port.
static uint16_t aim(struct dice *d, uint8_t *ip, uint8_t family, uint8_t proto) {
	struct slb_endpoint vs;

	do
		vs = world_service((uint8_t)dice_of(d, WORLD_SERVICES));
	while (vs.addr.family != family || vs.proto != proto);
	memcpy(ip + (family == 4 ? 16 : 24), vs.addr.bytes, family == 4 ? 4 : 16);
	return ntohs(vs.port_be);
}

static void put_ports(struct dice *d, uint8_t *l4) {
	const uint16_t *ports;
	uint32_t n = world_ports(&ports);

	put16(l4, 40000 + dice_of(d, 4));
	put16(l4 + 2, ports[dice_of(d, dice_one_in(d, 4) ? n : 3)]);
}

static uint32_t put_tcp(struct dice *d, uint8_t *l4) {
	static const uint8_t OPTIONS[] = {2, 4, 5, 180, 4, 2, 8, 10, 0, 0,
					  0, 1, 0, 0,   0, 0, 1, 3,  3, 7};
	uint32_t options = dice_one_in(d, 2) ? sizeof(OPTIONS) : 0;

	memset(l4, 0, 20);
	put_ports(d, l4);
	put32(l4 + 4, 1000);
	l4[12] = (uint8_t)((20 + options) / 4 << 4);
	l4[13] = dice_one_in(d, 4) ? TCP_ACK : TCP_SYN;
	put16(l4 + 14, 0xffff);
	memcpy(l4 + 20, OPTIONS, options);
	return 20 + options;
}

static uint32_t put_udp(struct dice *d, uint8_t *l4) {
	memset(l4, 0, 8);
	put_ports(d, l4);
	return 8;
}

static uint32_t put_icmp(struct dice *d, uint8_t *l4, uint8_t family) {
	static const uint8_t V4_TYPES[] = {8, 8, 0, 3, 4, 5, 11, 12, 13};
	static const uint8_t V6_TYPES[] = {128, 128, 129, 1, 2, 3, 4, 133, 134, 135, 136, 137, 143};

	memset(l4, 0, 8);
	l4[0] = family == 4 ? V4_TYPES[dice_of(d, sizeof(V4_TYPES))]
			    : V6_TYPES[dice_of(d, sizeof(V6_TYPES))];
	l4[5] = 1;
	return 8;
}

static uint32_t put_arp(struct dice *d, uint8_t *out) {
	uint32_t at = put_ethernet(out, ETHERTYPE_ARP);
	static const uint8_t FIXED[] = {0, 1, 8, 0, 6, 4, 0};

	memset(out + at, 0, 28);
	memcpy(out + at, FIXED, sizeof(FIXED));
	out[at + 7] = (uint8_t)(1 + dice_of(d, 2));
	put_address(out + at + 14, 4, dice_roll(d));
	put_address(out + at + 24, 4, dice_roll(d));
	return at + 28;
}

static uint32_t payload_len(struct dice *d) {
	static const uint16_t LENGTHS[] = {0, 1, 8, 64, 512, 1230, 1460, 1472, 1900};

	return LENGTHS[dice_of(d, dice_one_in(d, 4) ? 9 : 4)];
}

uint32_t template_frame(struct dice *d, uint8_t *out) {
	static const uint8_t STRANGE[] = {PROTO_OSPF, 132, 47, 4,  41, 50, 51,
					  59,         0,   43, 44, 60, 255};
	uint8_t family = dice_one_in(d, 2) ? 4 : 6;
	uint32_t kind = dice_of(d, 16);
	uint32_t len;

	if (kind == 0)
		return put_arp(d, out);
	if (kind < 8) {
		len = put_ip(d, out, family, PROTO_TCP);
		len += put_tcp(d, out + len);
	} else if (kind < 12) {
		len = put_ip(d, out, family, PROTO_UDP);
		len += put_udp(d, out + len);
	} else if (kind < 15) {
		len = put_ip(d, out, family, family == 4 ? PROTO_ICMP : PROTO_ICMPV6);
		len += put_icmp(d, out + len, family);
	} else {
		len = put_ip(d, out, family, STRANGE[dice_of(d, sizeof(STRANGE))]);
	}
	if (kind > 0 && kind < 12 && !dice_one_in(d, 4)) {
		uint8_t proto = kind < 8 ? PROTO_TCP : PROTO_UDP;
		put16(out + ETH_LEN + (family == 4 ? 20 : 40) + 2,
		      aim(d, out + ETH_LEN, family, proto));
	}
	for (uint32_t n = payload_len(d); n > 0 && len < FRAME_MAX; n--)
		out[len++] = (uint8_t)n;
	frame_fix(out, len, FUZZ_FIX_LENGTH);
	return len;
}
