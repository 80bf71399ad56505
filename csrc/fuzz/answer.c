// SPDX-License-Identifier: BSD-3-Clause

#include "fuzz/answer.h"

#include "fuzz/bytes.h"
#include "fuzz/frame.h"
#include "fuzz/world.h"

#include <string.h>

enum { REPLY_TTL = 64 };

static void turn_ethernet(uint8_t *out) {
	swap_bytes(out, out + 6, 6);
}

static void turn_addresses(uint8_t *out, const struct layers *l) {
	if (l->version == 4) {
		swap_bytes(out + l->l3 + 12, out + l->l3 + 16, 4);
		out[l->l3 + 8] = REPLY_TTL;
	} else {
		swap_bytes(out + l->l3 + 8, out + l->l3 + 24, 16);
		out[l->l3 + 7] = REPLY_TTL;
	}
}

// What it echoes is what it has got: so a SYN cookie's time stamp comes back.
static void turn_stamps(uint8_t *tcp, uint32_t header) {
	uint32_t at = 20;

	while (at + 10 <= header && tcp[at] != 0) {
		if (tcp[at] == 1) {
			at++;
			continue;
		}
		if (tcp[at] == 8 && tcp[at + 1] == 10)
			swap_bytes(tcp + at + 2, tcp + at + 6, 4);
		if (tcp[at + 1] < 2)
			return;
		at += tcp[at + 1];
	}
}

// The sender expects what comes next, and has got what it acknowledges.
static uint32_t turn_tcp(uint8_t *tcp, uint32_t room, uint8_t flags) {
	uint32_t header = (tcp[12] >> 4) * 4u;
	uint32_t seq = get32(tcp + 4), ack = get32(tcp + 8);

	header = header >= 20 && header <= room ? header : 20;
	swap_bytes(tcp, tcp + 2, 2);
	turn_stamps(tcp, header);
	put32(tcp + 4, ack);
	put32(tcp + 8, seq + (room - header) + ((tcp[13] & (TCP_SYN | TCP_FIN)) != 0));
	tcp[13] = flags;
	return header;
}

// Turns the L4 header round and returns its length; 0: there is nothing to answer.
static uint32_t turn_l4(uint8_t *out, const struct layers *l, uint8_t flags) {
	uint8_t *l4 = out + l->l4;
	uint32_t room = l->l4 != 0 ? l->end - l->l4 : 0;

	if (l->proto == PROTO_TCP && room >= 20)
		return turn_tcp(l4, room, flags);
	if (room < 8)
		return 0;
	if (l->proto == PROTO_UDP) {
		swap_bytes(l4, l4 + 2, 2);
		return 8;
	}
	if (l->proto == PROTO_ICMP || l->proto == PROTO_ICMPV6) {
		l4[0] = l->proto == PROTO_ICMP ? 0 : 129;
		return 8;
	}
	return 0;
}

uint32_t answer_reply(
	const uint8_t *frame, uint32_t len, const struct fuzz_reply *reply, uint8_t *out
) {
	uint32_t payload = get16(reply->payload_be) % FRAME_MAX;
	struct layers l;
	uint32_t at, end;

	layers_of(frame, len, &l);
	if (l.l3 == 0 || l.fragment)
		return 0;
	memcpy(out, frame, len);
	turn_ethernet(out);
	turn_addresses(out, &l);
	at = turn_l4(out, &l, reply->tcp_flags);
	if (at == 0)
		return 0;
	at += l.l4;
	end = at + payload < FRAME_MAX ? at + payload : FRAME_MAX;
	memset(out + at, 'r', end - at);
	if (l.l3 + reply->patch_at < end)
		out[l.l3 + reply->patch_at] += reply->patch;
	return end;
}

static uint32_t put_ip(uint8_t *ip, uint8_t family, const uint8_t *from, const uint8_t *to) {
	if (family == 4) {
		memset(ip, 0, 20);
		ip[0] = 0x45;
		ip[8] = REPLY_TTL;
		ip[9] = PROTO_ICMP;
		memcpy(ip + 12, from, 4);
		memcpy(ip + 16, to, 4);
		return 20;
	}
	memset(ip, 0, 40);
	ip[0] = 0x60;
	ip[6] = PROTO_ICMPV6;
	ip[7] = REPLY_TTL;
	memcpy(ip + 8, from, 16);
	memcpy(ip + 24, to, 16);
	return 40;
}

uint32_t answer_quote(
	const uint8_t *frame, uint32_t len, const struct fuzz_quote *quote, uint8_t *out
) {
	uint32_t quoted = quote->quoted * 4u;
	struct world_address router;
	struct layers l;
	uint32_t at, source, width;

	layers_of(frame, len, &l);
	if (l.l3 == 0)
		return 0;
	router = world_router(l.version);
	source = l.l3 + (l.version == 4 ? 12 : 8);
	width = l.version == 4 ? 4 : 16;
	memcpy(out, frame, l.l3);
	turn_ethernet(out);
	at = l.l3
		+ put_ip(
			out + l.l3, l.version,
			quote->sender & 1 ? frame + source + width : router.bytes, frame + source
		);
	memset(out + at, 0, 8);
	out[at] = quote->type;
	out[at + 1] = quote->code;
	memcpy(out + at + 6, quote->mtu_be, 2);
	at += 8;
	if (quoted > len - l.l3)
		quoted = len - l.l3;
	if (quoted > FRAME_MAX - at)
		quoted = FRAME_MAX - at;
	memcpy(out + at, frame + l.l3, quoted);
	if (quote->patch_at < quoted)
		out[at + quote->patch_at] += quote->patch;
	return at + quoted;
}
