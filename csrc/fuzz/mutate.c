// SPDX-License-Identifier: BSD-3-Clause

#include "fuzz/mutate.h"

#include "fuzz/bytes.h"
#include "fuzz/frame.h"
#include "fuzz/input.h"
#include "fuzz/mutate_frame.h"
#include "fuzz/template.h"

#include <string.h>

// libFuzzer's own mutations, which know nothing.
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

struct script {
	uint8_t *bytes;
	size_t size;
	size_t room;
	uint32_t n; // records
	uint32_t at[FUZZ_MAX_RECORDS];
	uint32_t len[FUZZ_MAX_RECORDS];
};

static void find_records(struct script *s) {
	size_t at = sizeof(struct fuzz_head);

	for (s->n = 0; s->n < FUZZ_MAX_RECORDS; s->n++) {
		uint32_t len = record_len(s->bytes, s->size, at);
		if (len == 0)
			break;
		s->at[s->n] = (uint32_t)at;
		s->len[s->n] = len;
		at += len;
	}
	// What is no record is of no use.
	s->size = at < s->size ? at : s->size;
}

// Puts `len` bytes in place of `old` ones; false: they do not fit.
static bool splice(struct script *s, size_t at, size_t old, const uint8_t *with, size_t len) {
	if (s->size - old + len > s->room)
		return false;
	memmove(s->bytes + at + len, s->bytes + at + old, s->size - at - old);
	memcpy(s->bytes + at, with, len);
	s->size += len;
	s->size -= old;
	find_records(s);
	return true;
}

// Where a new record may begin.
static size_t any_place(struct dice *d, const struct script *s) {
	uint32_t i = dice_of(d, s->n + 1);

	return i < s->n ? s->at[i] : s->size;
}

static uint8_t any_fix(struct dice *d) {
	return dice_one_in(d, 12) ? (uint8_t)dice_of(d, FUZZ_FIX_ALL + 1) : FUZZ_FIX_ALL;
}

static uint8_t any_cut(struct dice *d) {
	return dice_one_in(d, 8) ? (uint8_t)dice_roll(d) : 0;
}

// One port, one segment and worker 0 more often than others.
static uint8_t any_place_byte(struct dice *d) {
	uint8_t place = (uint8_t)dice_roll(d);

	if (!dice_one_in(d, 8))
		place &= (uint8_t)~(FUZZ_SEGMENTS | FUZZ_HANDED_LATE | FUZZ_OTHER_PORT);
	return dice_one_in(d, 2) ? place & FUZZ_BURST_ENDS : place;
}

static void set_frame_len(uint8_t *record, uint32_t len) {
	put16(record + offsetof(struct fuzz_frame, len_be), len);
}

static bool insert_frame(struct dice *d, struct script *s) {
	uint8_t record[sizeof(struct fuzz_frame) + FRAME_MAX] = {
		FUZZ_FRAME, any_place_byte(d), any_fix(d), any_cut(d)
	};
	uint32_t len = template_frame(d, record + sizeof(struct fuzz_frame));

	set_frame_len(record, len);
	return splice(s, any_place(d, s), 0, record, sizeof(struct fuzz_frame) + len);
}

static void fill_quote(struct dice *d, uint8_t *record) {
	static const uint8_t TYPES[] = {3, 3, 3, 11, 12, 1, 2, 2, 3, 4, 5, 0, 8, 128};
	static const uint16_t MTUS[] = {0, 68, 576, 1280, 1400, 1492, 1500, 65535};
	struct fuzz_quote *q = (struct fuzz_quote *)record;

	q->type = TYPES[dice_of(d, sizeof(TYPES))];
	q->code = (uint8_t)(dice_one_in(d, 2) ? 4 : dice_of(d, 16));
	put16(q->mtu_be, MTUS[dice_of(d, 8)]);
	q->quoted = (uint8_t)(dice_one_in(d, 2) ? 7 + dice_of(d, 8) : dice_roll(d));
	q->patch = dice_one_in(d, 2) ? 0 : (uint8_t)dice_roll(d);
	q->patch_at = (uint8_t)dice_of(d, 80);
}

static void fill_reply(struct dice *d, uint8_t *record) {
	static const uint8_t FLAGS[] = {0x12, 0x10, 0x18, 0x11, 0x04, 0x14, 0x01, 0x02};
	struct fuzz_reply *reply = (struct fuzz_reply *)record;

	reply->tcp_flags = FLAGS[dice_of(d, sizeof(FLAGS))];
	put16(reply->payload_be,
	      dice_one_in(d, 4) ? dice_of(d, dice_one_in(d, 4) ? FRAME_MAX : 2048) : 0);
	reply->patch = dice_one_in(d, 4) ? (uint8_t)dice_roll(d) : 0;
	reply->patch_at = (uint8_t)dice_of(d, 60);
}

// A change makes a few dozen allocations.
static void fill_starve(struct dice *d, uint8_t *record) {
	struct fuzz_starve *starve = (struct fuzz_starve *)record;

	starve->spare = (uint8_t)(dice_one_in(d, 2) ? dice_of(d, 4) : FUZZ_SPARE);
	starve->fails = (uint8_t)dice_of(d, dice_one_in(d, 4) ? 256 : 24);
}

// Any record but a frame, with values that make sense more often than not.
static bool insert_step(struct dice *d, struct script *s) {
	static const uint8_t KINDS[] = {FUZZ_REPLY,  FUZZ_REPLY,  FUZZ_REPLY,  FUZZ_QUOTE,
					FUZZ_QUOTE,  FUZZ_REPEAT, FUZZ_WAIT,   FUZZ_CHANGE,
					FUZZ_CHANGE, FUZZ_ROUTES, FUZZ_STARVE, FUZZ_RESET,
					FUZZ_QUIESCE};
	uint8_t kind = KINDS[dice_of(d, dice_one_in(d, 8) ? sizeof(KINDS) : sizeof(KINDS) - 1)];
	uint8_t record[16];

	for (uint32_t i = 0; i < sizeof(record); i++)
		record[i] = (uint8_t)dice_roll(d);
	record[0] = kind;
	if (kind == FUZZ_REPLY || kind == FUZZ_QUOTE) {
		record[1] = any_place_byte(d);
		record[2] = any_fix(d);
		record[3] = any_cut(d);
		record[4] = (uint8_t)(dice_one_in(d, 2) ? 0 : dice_of(d, 4));
	}
	if (kind == FUZZ_REPLY)
		fill_reply(d, record);
	else if (kind == FUZZ_QUOTE)
		fill_quote(d, record);
	else if (kind == FUZZ_WAIT && !dice_one_in(d, 4))
		record[1] &= 0x7f;
	else if (kind == FUZZ_STARVE)
		fill_starve(d, record);
	return splice(s, any_place(d, s), 0, record, record_fixed(kind));
}

static bool is_frame(const struct script *s, uint32_t i) {
	return record_kind(s->bytes[s->at[i]]) == FUZZ_FRAME
		&& s->len[i] >= sizeof(struct fuzz_frame);
}

// A frame's record at random; n when there is none.
static uint32_t any_frame(struct dice *d, const struct script *s) {
	uint32_t start = s->n > 0 ? dice_of(d, s->n) : 0;

	for (uint32_t i = 0; i < s->n; i++)
		if (is_frame(s, (start + i) % s->n))
			return (start + i) % s->n;
	return s->n;
}

static bool change_frame(struct dice *d, struct script *s, bool blindly) {
	uint8_t record[sizeof(struct fuzz_frame) + FRAME_MAX];
	uint8_t *frame = record + sizeof(struct fuzz_frame);
	uint32_t i = any_frame(d, s);
	uint32_t len;

	if (i == s->n)
		return insert_frame(d, s);
	memcpy(record, s->bytes + s->at[i], s->len[i]);
	len = s->len[i] - (uint32_t)sizeof(struct fuzz_frame);
	if (blindly)
		len = (uint32_t)LLVMFuzzerMutate(frame, len, FRAME_MAX);
	else
		for (uint32_t n = 1 + dice_of(d, 3); n > 0; n--)
			len = mutate_frame(d, frame, len);
	set_frame_len(record, len);
	return splice(s, s->at[i], s->len[i], record, sizeof(struct fuzz_frame) + len);
}

// How a packet arrives, or what a step says.
static bool change_fixed_part(struct dice *d, struct script *s) {
	uint32_t i, at;

	if (s->n == 0)
		return insert_frame(d, s);
	i = dice_of(d, s->n);
	at = s->at[i];
	if (is_frame(s, i)) {
		s->bytes[at + 1] = any_place_byte(d);
		if (dice_one_in(d, 2))
			s->bytes[at + 2] = any_fix(d);
		if (dice_one_in(d, 2))
			s->bytes[at + 3] = any_cut(d);
	} else if (s->len[i] > 1) {
		s->bytes[at + 1 + dice_of(d, s->len[i] - 1)] = (uint8_t)dice_roll(d);
	}
	return true;
}

// Repeats, removes or moves a record.
static bool reorder(struct dice *d, struct script *s) {
	uint8_t record[sizeof(struct fuzz_frame) + FRAME_MAX];
	uint32_t i, len, how = dice_of(d, 3);

	if (s->n == 0)
		return insert_frame(d, s);
	i = dice_of(d, s->n);
	len = s->len[i];
	memcpy(record, s->bytes + s->at[i], len);
	if (how > 0)
		splice(s, s->at[i], len, record, 0);
	return how == 1 || splice(s, any_place(d, s), 0, record, len);
}

// All services and the usual view more often than not, and RS that are told their client as often as all that are not.
static bool change_head(struct dice *d, struct script *s) {
	struct fuzz_head *head = (struct fuzz_head *)s->bytes;

	s->bytes[dice_of(d, sizeof(*head))] = (uint8_t)dice_roll(d);
	if (dice_one_in(d, 4))
		return true;
	head->services = 0;
	head->view = (uint8_t)(dice_one_in(d, 2) ? 0 : dice_of(d, 4) << 6);
	return true;
}

static bool mutate_once(struct dice *d, struct script *s) {
	uint32_t how = dice_of(d, 32);

	if (how < 10)
		return change_frame(d, s, false);
	if (how < 15)
		return insert_frame(d, s);
	if (how < 22)
		return insert_step(d, s);
	if (how < 25)
		return reorder(d, s);
	if (how < 28)
		return change_fixed_part(d, s);
	if (how < 29)
		return change_frame(d, s, true);
	if (how < 30)
		return change_head(d, s);
	s->size = LLVMFuzzerMutate(s->bytes, s->size, s->room);
	find_records(s);
	return true;
}

size_t mutate(uint8_t *input, size_t size, size_t max_size, unsigned seed) {
	struct script s = {.bytes = input, .size = size, .room = max_size};
	struct dice d = {seed};

	if (size < sizeof(struct fuzz_head) || max_size < 256)
		return LLVMFuzzerMutate(input, size, max_size);
	find_records(&s);
	for (uint32_t n = 1 + dice_of(&d, 4); n > 0; n--)
		mutate_once(&d, &s);
	return s.size;
}

size_t mutate_cross(
	const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out,
	size_t max_size, unsigned seed
) {
	struct script s = {.bytes = out, .room = max_size};
	struct dice d = {seed};
	uint32_t cut;
	size_t at = sizeof(struct fuzz_head);

	if (a_size > max_size || a_size < at || b_size <= at)
		return 0;
	memcpy(out, a, a_size);
	s.size = a_size;
	find_records(&s);
	cut = dice_of(&d, s.n + 1);
	s.size = cut < s.n ? s.at[cut] : s.size;
	for (uint32_t skip = dice_of(&d, 16); skip > 0; skip--) {
		uint32_t len = record_len(b, b_size, at);
		if (len == 0)
			break;
		at += len;
	}
	for (uint32_t len; (len = record_len(b, b_size, at)) > 0 && s.size + len <= max_size;) {
		memcpy(out + s.size, b + at, len);
		s.size += len;
		at += len;
	}
	return s.size;
}
