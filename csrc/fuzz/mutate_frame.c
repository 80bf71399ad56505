// SPDX-License-Identifier: BSD-3-Clause

#include "fuzz/mutate_frame.h"

#include "fuzz/bytes.h"
#include "fuzz/frame.h"
#include "fuzz/world.h"

#include <string.h>

enum { LINK_MIN = 60 };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const uint16_t NUMBERS[] = {0,      1,     2,     4,     7,     8,    9,    16,   20,
				   28,     40,    48,    64,    68,    127,  128,  255,  256,
				   512,    576,   1280,  1400,  1500,  2047, 8191, 8192, 0x3fff,
				   0x4000, 32767, 32768, 65507, 65534, 65535};

static uint16_t number(struct dice *d) {
	return dice_one_in(d, 4) ? (uint16_t)dice_roll(d) : NUMBERS[dice_of(d, COUNT(NUMBERS))];
}

// A byte: one of a list, a step up or down, or anything.
static void turn_byte(struct dice *d, uint8_t *at, const uint8_t *values, uint32_t n) {
	uint32_t how = dice_of(d, 8);

	if (how == 0)
		*at = (uint8_t)dice_roll(d);
	else if (how == 1)
		(*at)++;
	else if (how == 2)
		(*at)--;
	else
		*at = values[dice_of(d, n)];
}

static void turn_number(struct dice *d, uint8_t *at) {
	uint32_t how = dice_of(d, 4);

	put16(at, how == 0 ? get16(at) + 1u : how == 1 ? get16(at) - 1u : number(d));
}

static uint32_t open_gap(uint8_t *frame, uint32_t len, uint32_t at, uint32_t size) {
	if (at > len || len + size > FRAME_MAX)
		return 0;
	memmove(frame + at + size, frame + at, len - at);
	memset(frame + at, 0, size);
	return size;
}

static uint32_t close_gap(uint8_t *frame, uint32_t len, uint32_t at, uint32_t size) {
	if (at + size > len)
		return 0;
	memmove(frame + at, frame + at + size, len - at - size);
	return size;
}

static uint32_t turn_ethernet(struct dice *d, uint8_t *f, uint32_t len, const struct layers *) {
	static const uint16_t TYPES[] = {ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_ARP,
					 ETHERTYPE_VLAN, ETHERTYPE_QINQ, 0x88cc,
					 0x8847,         0x8863,         1500,
					 0xffff};
	uint32_t how = dice_of(d, 8);

	if (len < ETH_LEN)
		return len;
	if (how < 3) {
		uint32_t gap = open_gap(f, len, 12, 4);
		if (gap > 0) {
			put16(f + 12, dice_one_in(d, 8) ? ETHERTYPE_QINQ : ETHERTYPE_VLAN);
			put16(f + 14, dice_one_in(d, 2) ? 100 : number(d));
		}
		return len + gap;
	}
	if (how == 3 && get16(f + 12) == ETHERTYPE_VLAN)
		return len - close_gap(f, len, 12, 4);
	if (how == 4)
		put16(f + 12, TYPES[dice_of(d, COUNT(TYPES))]);
	else if (how == 5)
		memset(f, 0xff, 6);
	else
		f[dice_of(d, 12)] ^= (uint8_t)(1u << dice_of(d, 8));
	return len;
}

static uint32_t turn_address(struct dice *d, uint8_t *f, uint32_t len, const struct layers *l) {
	const struct world_address *all;
	uint32_t n = world_addresses(l->version, &all);
	uint32_t size = l->version == 4 ? 4 : 16;
	uint32_t at = l->l3 + (l->version == 4 ? 12u : 8u) + (dice_one_in(d, 2) ? size : 0);

	if (dice_one_in(d, 8))
		f[at + dice_of(d, size)] = (uint8_t)dice_roll(d);
	else
		memcpy(f + at, all[dice_of(d, n)].bytes, size);
	return len;
}

static uint32_t turn_v4(struct dice *d, uint8_t *f, uint32_t len, const struct layers *l) {
	static const uint8_t FIRST[] = {0x45, 0x46, 0x4f, 0x44, 0x40, 0x65, 0x05, 0xf5};
	static const uint8_t TTLS[] = {0, 1, 2, 64, 255};
	static const uint8_t PROTOS[] = {1, 6, 17, 2, 4, 41, 47, 50, 51, 58, 89, 132, 0, 255};
	uint8_t *ip = f + l->l3;

	switch (dice_of(d, 8)) {
	case 0:
		turn_byte(d, ip, FIRST, sizeof(FIRST));
		break;
	case 1:
		ip[1] = (uint8_t)dice_roll(d);
		break;
	case 2:
		turn_number(d, ip + 2);
		break;
	case 3:
		turn_number(d, ip + 4);
		break;
	case 4: // reserved, DF, MF, offset
		put16(ip + 6, dice_of(d, 8) << 13 | (dice_one_in(d, 2) ? 0 : number(d) & 0x1fffu));
		break;
	case 5:
		turn_byte(d, ip + 8, TTLS, sizeof(TTLS));
		break;
	case 6:
		turn_byte(d, ip + 9, PROTOS, sizeof(PROTOS));
		break;
	default:
		turn_number(d, ip + 10);
		break;
	}
	return len;
}

static uint32_t add_v4_options(struct dice *d, uint8_t *f, uint32_t len, const struct layers *l) {
	static const uint8_t KINDS[] = {0, 1, 7, 68, 131, 137, 148, 130};
	uint32_t header = (f[l->l3] & 15) * 4u;
	uint32_t size = 4 * (1 + dice_of(d, 10));
	uint8_t *options = f + l->l3 + header;

	if (header + size > 60 || open_gap(f, len, l->l3 + header, size) == 0)
		return len;
	f[l->l3] = (uint8_t)(f[l->l3] + size / 4);
	options[0] = KINDS[dice_of(d, sizeof(KINDS))];
	options[1] = (uint8_t)(dice_one_in(d, 4) ? dice_roll(d) : size);
	options[2] = (uint8_t)(dice_one_in(d, 2) ? 4 : dice_roll(d));
	return len + size;
}

static uint32_t turn_v6(struct dice *d, uint8_t *f, uint32_t len, const struct layers *l) {
	static const uint8_t NEXT[] = {0,  6,  17, 43,  44,  50,  51, 58,
				       59, 60, 89, 132, 135, 139, 1,  255};
	static const uint8_t HOPS[] = {0, 1, 2, 64, 255};
	uint8_t *ip = f + l->l3;

	switch (dice_of(d, 5)) {
	case 0:
		turn_number(d, ip + 4);
		break;
	case 1:
		turn_byte(d, f + l->proto_at, NEXT, sizeof(NEXT));
		break;
	case 2:
		turn_byte(d, ip + 7, HOPS, sizeof(HOPS));
		break;
	case 3:
		ip[dice_of(d, 4)] ^= (uint8_t)(1u << dice_of(d, 8));
		break;
	default:
		turn_byte(d, ip + 6, NEXT, sizeof(NEXT));
		break;
	}
	return len;
}

// Behind the fixed header or before the L4 header.
static uint32_t add_extension(struct dice *d, uint8_t *f, uint32_t len, const struct layers *l) {
	static const uint8_t KINDS[] = {0, 43, 44, 51, 60, 60, 50, 135};
	bool last = l->l4 != 0 && dice_one_in(d, 2);
	uint32_t at = last ? l->l4 : l->l3 + 40u;
	uint32_t named_at = last ? l->proto_at : l->l3 + 6u;
	uint8_t kind = KINDS[dice_of(d, sizeof(KINDS))];
	uint32_t size = kind == PROTO_FRAGMENT ? 8 : 8 * (1 + dice_of(d, 4));

	if (open_gap(f, len, at, size) == 0)
		return len;
	f[at] = f[named_at];
	f[named_at] = kind;
	f[at + 1] = (uint8_t)(kind == 51 ? size / 4 - 2 : size / 8 - 1);
	if (kind == PROTO_FRAGMENT) {
		f[at + 1] = 0;
		put16(f + at + 2, dice_one_in(d, 2) ? dice_of(d, 2) : number(d));
		f[at + 7] = (uint8_t)dice_of(d, 4);
	} else if (dice_one_in(d, 4)) {
		f[at + 1] = (uint8_t)dice_roll(d);
	} else {
		f[at + 2] = (uint8_t)(dice_one_in(d, 2) ? 1 : dice_roll(d)); // PadN, routing type
		f[at + 3] = (uint8_t)(dice_one_in(d, 4) ? dice_roll(d) : size - 4);
	}
	return len + size;
}

static void turn_ports(struct dice *d, uint8_t *l4) {
	const uint16_t *ports;
	uint32_t n = world_ports(&ports);

	put16(l4 + (dice_one_in(d, 2) ? 0 : 2),
	      dice_one_in(d, 4) ? number(d) : ports[dice_of(d, n)]);
}

static uint32_t turn_tcp(struct dice *d, uint8_t *f, uint32_t len, const struct layers *l) {
	static const uint8_t FLAGS[] = {0x02, 0x10, 0x12, 0x18, 0x11, 0x04, 0x14, 0x01,
					0x00, 0x06, 0x03, 0x29, 0xff, 0xc2, 0x52, 0x30};
	uint8_t *tcp = f + l->l4;

	switch (dice_of(d, 6)) {
	case 0:
		turn_ports(d, tcp);
		break;
	case 1:
		tcp[4 + dice_of(d, 8)] = (uint8_t)dice_roll(d);
		break;
	case 2:
		tcp[12] = (uint8_t)(dice_of(d, 16) << 4 | dice_of(d, 16));
		break;
	case 3:
		turn_number(d, tcp + (dice_one_in(d, 2) ? 14 : 18));
		break;
	default:
		turn_byte(d, tcp + 13, FLAGS, sizeof(FLAGS));
		break;
	}
	return len;
}

static uint32_t add_tcp_option(struct dice *d, uint8_t *f, uint32_t len, const struct layers *l) {
	// end, no-op, MSS, window scale, SACK permitted, SACK, timestamps, MD5, fast open, TOA, unknown
	static const uint8_t KINDS[] = {0, 1, 2, 3, 4, 5, 8, 19, 34, 254, 253};
	static const uint8_t SIZES[] = {1, 1, 4, 3, 2, 10, 10, 18, 10, 8, 4};
	uint32_t header = (f[l->l4 + 12] >> 4) * 4u;
	uint32_t which = dice_of(d, sizeof(KINDS));
	uint32_t size = (SIZES[which] + 3u) / 4 * 4;
	uint8_t *option;

	if (header < 20 || header + size > 60 || open_gap(f, len, l->l4 + 20u, size) == 0)
		return len;
	option = f + l->l4 + 20;
	f[l->l4 + 12] = (uint8_t)(f[l->l4 + 12] + (size / 4 << 4));
	memset(option, 1, size);
	option[0] = KINDS[which];
	if (SIZES[which] > 1)
		option[1] = dice_one_in(d, 4) ? (uint8_t)dice_roll(d) : SIZES[which];
	for (uint32_t i = 2; i < SIZES[which]; i++)
		option[i] = (uint8_t)dice_roll(d);
	return len + size;
}

static uint32_t turn_udp(struct dice *d, uint8_t *f, uint32_t len, const struct layers *l) {
	uint8_t *udp = f + l->l4;

	if (dice_one_in(d, 2))
		turn_ports(d, udp);
	else
		turn_number(d, udp + (dice_one_in(d, 2) ? 4 : 6));
	return len;
}

static uint32_t turn_icmp(struct dice *d, uint8_t *f, uint32_t len, const struct layers *l) {
	static const uint8_t TYPES[] = {0, 3,   4,   5,   8,   11,  12,  13, 1,
					2, 128, 129, 133, 134, 135, 136, 143};
	uint8_t *icmp = f + l->l4;

	switch (dice_of(d, 4)) {
	case 0:
		turn_byte(d, icmp, TYPES, sizeof(TYPES));
		break;
	case 1:
		icmp[1] = (uint8_t)dice_of(d, 17);
		break;
	default:
		turn_number(d, icmp + 4 + 2 * dice_of(d, 2));
		break;
	}
	return len;
}

// The packet within an ICMP error.
static uint32_t turn_inner(struct dice *d, uint8_t *f, uint32_t len, const struct layers *l) {
	uint32_t at = l->l4 + 8u;
	uint32_t room = len > at ? len - at : 0;
	uint32_t span = room < 64 ? room : 64;

	if (room == 0)
		return len;
	switch (dice_of(d, 4)) {
	case 0:
		return at + dice_of(d, span);
	case 1:
		f[at + dice_of(d, span)] ^= (uint8_t)(1u << dice_of(d, 8));
		break;
	case 2:
		if (span >= 2)
			turn_number(d, f + at + dice_of(d, span - 1));
		break;
	default:
		f[at] = (uint8_t)(0x40 + dice_of(d, 0x30));
		break;
	}
	return len;
}

static uint32_t turn_l4(struct dice *d, uint8_t *f, uint32_t len, const struct layers *l) {
	uint32_t room = l->l4 != 0 && len > l->l4 ? len - l->l4 : 0;

	if (l->proto == PROTO_TCP && room >= 20)
		return dice_one_in(d, 3) ? add_tcp_option(d, f, len, l) : turn_tcp(d, f, len, l);
	if (room < 8)
		return len;
	if (l->proto == PROTO_UDP)
		return turn_udp(d, f, len, l);
	if (l->proto == PROTO_ICMP || l->proto == PROTO_ICMPV6)
		return dice_one_in(d, 2) ? turn_icmp(d, f, len, l) : turn_inner(d, f, len, l);
	return len;
}

static uint32_t turn_length(struct dice *d, uint8_t *f, uint32_t len) {
	uint32_t wanted = dice_one_in(d, 4) ? dice_of(d, FRAME_MAX + 1)
		: dice_one_in(d, 2)         ? dice_of(d, len + 1)
					    : len + dice_of(d, 64);

	if (wanted > FRAME_MAX)
		wanted = FRAME_MAX;
	// No link delivers shorter ones.
	if (wanted < LINK_MIN && !dice_one_in(d, 16))
		wanted = LINK_MIN;
	if (wanted > len)
		memset(f + len, 'p', wanted - len);
	return wanted;
}

static uint32_t turn_ip(struct dice *d, uint8_t *f, uint32_t len, const struct layers *l) {
	if (l->version == 4)
		return dice_one_in(d, 4) ? add_v4_options(d, f, len, l) : turn_v4(d, f, len, l);
	return dice_one_in(d, 2) ? add_extension(d, f, len, l) : turn_v6(d, f, len, l);
}

uint32_t mutate_frame(struct dice *d, uint8_t *frame, uint32_t len) {
	uint32_t how = dice_of(d, 16);
	struct layers l;

	layers_of(frame, len, &l);
	if (l.l3 == 0 && how < 12)
		how = 12 + how % 4;
	if (how < 4)
		return turn_ip(d, frame, len, &l);
	if (how < 7)
		return turn_address(d, frame, len, &l);
	if (how < 12)
		return turn_l4(d, frame, len, &l);
	if (how == 12)
		return turn_ethernet(d, frame, len, &l);
	if (how < 15 || len == 0)
		return turn_length(d, frame, len);
	frame[dice_of(d, len)] = (uint8_t)dice_roll(d);
	return len;
}
