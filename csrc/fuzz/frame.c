// SPDX-License-Identifier: BSD-3-Clause

#include "fuzz/frame.h"

#include "fuzz/bytes.h"
#include "fuzz/input.h"

#include <arpa/inet.h>
#include <string.h>

static bool is_extension(uint8_t proto) {
	return proto == 0 || proto == 43 || proto == 60 || proto == 51 || proto == PROTO_FRAGMENT;
}

static void walk_extensions(const uint8_t *packet, uint32_t base, struct layers *l) {
	uint32_t at = base + 40;

	l->proto_at = (uint16_t)(base + 6);
	l->proto = packet[base + 6];
	for (int n = 0; n < 16 && is_extension(l->proto); n++) {
		uint32_t len;
		if (at + 8 > l->end)
			return;
		len = l->proto == 51 ? (packet[at + 1] + 2u) * 4 : (packet[at + 1] + 1u) * 8;
		if (l->proto == PROTO_FRAGMENT) {
			len = 8;
			l->fragment_at = (uint16_t)at;
			l->fragment_offset = get16(packet + at + 2) & 0xfff8;
			l->fragment |= (get16(packet + at + 2) & 0xfff9) != 0;
		}
		l->proto_at = (uint16_t)at;
		l->proto = packet[at];
		at += len;
		if (l->fragment_offset != 0)
			return;
	}
	if (at <= l->end && !is_extension(l->proto))
		l->l4 = (uint16_t)at;
}

static void layers_v4(const uint8_t *packet, uint32_t base, uint32_t len, struct layers *l) {
	uint32_t header = (packet[base] & 15) * 4u;
	uint32_t total = get16(packet + base + 2);

	if (header < 20 || base + header > len)
		return;
	l->l3 = (uint16_t)base;
	l->version = 4;
	l->whole = total >= header && base + total <= len;
	l->end = (uint16_t)(l->whole ? base + total : len);
	l->proto_at = (uint16_t)(base + 9);
	l->proto = packet[base + 9];
	l->fragment_offset = (uint16_t)((get16(packet + base + 6) & 0x1fff) * 8);
	l->fragment = (get16(packet + base + 6) & 0x3fff) != 0;
	if (l->fragment_offset == 0)
		l->l4 = (uint16_t)(base + header);
}

static void layers_v6(const uint8_t *packet, uint32_t base, uint32_t len, struct layers *l) {
	uint32_t total = 40 + get16(packet + base + 4);

	l->l3 = (uint16_t)base;
	l->version = 6;
	l->whole = base + total <= len;
	l->end = (uint16_t)(l->whole ? base + total : len);
	walk_extensions(packet, base, l);
}

static void layers_at(const uint8_t *packet, uint32_t base, uint32_t len, struct layers *l) {
	if (base + 20 <= len && packet[base] >> 4 == 4)
		layers_v4(packet, base, len, l);
	else if (base + 40 <= len && packet[base] >> 4 == 6)
		layers_v6(packet, base, len, l);
}

void layers_of(const uint8_t *frame, uint32_t len, struct layers *l) {
	uint32_t at = 12;

	*l = (struct layers){0};
	while (at + 2 <= len
	       && (get16(frame + at) == ETHERTYPE_VLAN || get16(frame + at) == ETHERTYPE_QINQ))
		at += 4;
	if (at + 2 > len)
		return;
	if (get16(frame + at) == ETHERTYPE_IPV4 || get16(frame + at) == ETHERTYPE_IPV6)
		layers_at(frame, at + 2, len, l);
}

void layers_of_ip(const uint8_t *packet, uint32_t len, struct layers *l) {
	*l = (struct layers){0};
	layers_at(packet, 0, len, l);
}

static uint16_t fold(uint64_t total) {
	while (total >> 16 != 0)
		total = (total & 0xffff) + (total >> 16);
	return (uint16_t)total;
}

// In one's complement the order of bytes within words only turns the sum's own bytes round (RFC 1071, 2 B).
uint16_t sum_bytes(const uint8_t *data, uint32_t len, uint32_t sum) {
	uint64_t total = 0;

	for (; len >= 8; data += 8, len -= 8) {
		uint64_t word;
		memcpy(&word, data, 8);
		total += (word & UINT32_MAX) + (word >> 32);
	}
	for (; len >= 2; data += 2, len -= 2) {
		uint16_t word;
		memcpy(&word, data, 2);
		total += word;
	}
	if (len > 0)
		total += htons((uint16_t)(*data << 8));
	return fold(sum + (uint64_t)ntohs(fold(total)));
}

bool ip_sum_ok(const uint8_t *frame, const struct layers *l) {
	return l->version != 4 || sum_bytes(frame + l->l3, (frame[l->l3] & 15) * 4u, 0) == 0xffff;
}

// Where the checksum of the L4 header stands; 0: it has none, or the header is not there.
static uint16_t sum_at(const struct layers *l) {
	const uint16_t room = l->l4 != 0 ? l->end - l->l4 : 0;

	if (l->proto == PROTO_TCP && room >= 20)
		return l->l4 + 16;
	if (l->proto == PROTO_UDP && room >= 8)
		return l->l4 + 6;
	if ((l->proto == PROTO_ICMP && l->version == 4)
	    || (l->proto == PROTO_ICMPV6 && l->version == 6))
		return room >= 8 ? l->l4 + 2 : 0;
	return 0;
}

static uint16_t l4_len(const uint8_t *frame, const struct layers *l) {
	uint16_t room = l->end - l->l4;
	uint16_t said;

	if (l->proto != PROTO_UDP)
		return room;
	said = get16(frame + l->l4 + 4);
	return said >= 8 && said < room ? said : room;
}

static uint16_t l4_sum(const uint8_t *frame, const struct layers *l) {
	uint16_t len = l4_len(frame, l);
	uint32_t pseudo = 0;

	if (l->version == 6)
		pseudo = (uint32_t)sum_bytes(frame + l->l3 + 8, 32, 0) + len + l->proto;
	else if (l->proto != PROTO_ICMP)
		pseudo = (uint32_t)sum_bytes(frame + l->l3 + 12, 8, 0) + len + l->proto;
	return sum_bytes(frame + l->l4, len, pseudo);
}

bool l4_sum_ok(const uint8_t *frame, const struct layers *l) {
	uint16_t at = sum_at(l);

	if (at == 0 || l->fragment || !l->whole)
		return false;
	if (l->proto == PROTO_UDP && l->version == 4 && get16(frame + at) == 0)
		return true;
	return l4_sum(frame, l) == 0xffff;
}

static void fix_length(uint8_t *frame, uint32_t len, struct layers *l) {
	if (l->version == 4)
		put16(frame + l->l3 + 2, len - l->l3);
	else
		put16(frame + l->l3 + 4, len - l->l3 - 40);
	l->end = (uint16_t)len;
	l->whole = true;
	if (l->proto == PROTO_UDP && l->l4 != 0 && !l->fragment && l->l4 + 8 <= len)
		put16(frame + l->l4 + 4, len - l->l4);
}

void frame_fix(uint8_t *frame, uint32_t len, uint8_t fix) {
	struct layers l;
	uint16_t at;

	layers_of(frame, len, &l);
	if (l.l3 == 0)
		return;
	if (fix & FUZZ_FIX_LENGTH) {
		fix_length(frame, len, &l);
		layers_of(frame, len, &l);
	}
	at = sum_at(&l);
	if (fix & FUZZ_FIX_L4_SUM && at != 0 && !l.fragment) {
		uint16_t sum;
		put16(frame + at, 0);
		sum = (uint16_t)~l4_sum(frame, &l);
		put16(frame + at, sum == 0 && l.proto == PROTO_UDP ? 0xffff : sum);
	}
	if (fix & FUZZ_FIX_IP_SUM && l.version == 4) {
		put16(frame + l.l3 + 10, 0);
		put16(frame + l.l3 + 10,
		      (uint16_t)~sum_bytes(frame + l.l3, (frame[l.l3] & 15) * 4u, 0));
	}
}

void swap_bytes(uint8_t *a, uint8_t *b, uint32_t len) {
	for (uint32_t i = 0; i < len; i++) {
		uint8_t kept = a[i];
		a[i] = b[i];
		b[i] = kept;
	}
}
