// SPDX-License-Identifier: BSD-3-Clause

#include "fuzz/cut.h"

#include "fuzz/bytes.h"
#include "fuzz/frame.h"

#include <string.h>

enum { FRAGMENT_HEADER = 8, MORE_V4 = 0x2000, MORE_V6 = 1 };

static void shuffle(struct piece *pieces, uint32_t n) {
	for (uint32_t i = 0; i < n / 2; i++) {
		uint32_t other = n - 1 - i;
		struct piece kept = pieces[i];
		// Reversed, but for every third.
		if (i % 3 == 2)
			continue;
		pieces[i] = pieces[other];
		pieces[other] = kept;
	}
}

uint32_t cut_plan(uint32_t len, uint8_t cut, struct piece *pieces) {
	uint32_t size = (cut & FUZZ_CUT_SIZE) * 8u;
	uint32_t n = 0;

	while (len > size * FUZZ_MAX_PIECES)
		size *= 2;
	for (uint32_t at = 0; at < len && n < FUZZ_MAX_PIECES; at += size, n++) {
		uint32_t left = len - at;
		pieces[n] = (struct piece){
			.offset = at, .len = left < size ? left : size, .last = left <= size
		};
		if (cut & FUZZ_CUT_OVERLAP && left >= size + 8)
			pieces[n].len += 8;
	}
	if (cut & FUZZ_CUT_LOSE && n > 1) {
		n--;
		pieces[n / 2] = pieces[n];
	}
	if (cut & FUZZ_CUT_SHUFFLE)
		shuffle(pieces, n);
	return n;
}

uint32_t cut_head(const uint8_t *frame, uint32_t len) {
	struct layers l;

	layers_of(frame, len, &l);
	if (l.l3 == 0 || l.fragment || l.l4 == 0 || l.fragment_at != 0)
		return 0;
	// Behind a pile of tags there may be no room left for a fragment header.
	if (l.l4 + FRAGMENT_HEADER > FRAME_MAX)
		return 0;
	return l.version == 4 ? l.l4 : l.l3 + 40u;
}

static void name_piece_v4(uint8_t *ip, const struct piece *piece) {
	put16(ip + 6, piece->offset / 8 | (piece->last ? 0 : MORE_V4));
}

// The identification is any that all pieces of a frame have in common.
static void put_header_v6(uint8_t *ip, const struct piece *piece) {
	uint8_t *header = ip + 40;

	header[0] = ip[6];
	header[1] = 0;
	put16(header + 2, piece->offset | (piece->last ? 0 : MORE_V6));
	put32(header + 4, get32(ip) ^ get32(ip + 36));
	ip[6] = PROTO_FRAGMENT;
}

uint32_t cut_piece(const uint8_t *frame, uint32_t head, const struct piece *piece, uint8_t *out) {
	struct layers l;
	uint32_t len = head;
	uint32_t data = piece->len;

	layers_of(frame, head + 8, &l);
	memcpy(out, frame, head);
	if (l.version == 6)
		len += FRAGMENT_HEADER;
	if (data > FRAME_MAX - len)
		data = FRAME_MAX - len;
	memcpy(out + len, frame + head + piece->offset, data);
	len += data;
	if (l.version == 4)
		name_piece_v4(out + l.l3, piece);
	else
		put_header_v6(out + l.l3, piece);
	frame_fix(out, len, FUZZ_FIX_LENGTH | FUZZ_FIX_IP_SUM);
	return len;
}
