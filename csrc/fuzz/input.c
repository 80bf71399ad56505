// SPDX-License-Identifier: BSD-3-Clause

#include "fuzz/input.h"

#include "fuzz/bytes.h"
#include "fuzz/frame.h"

static const uint32_t FIXED[FUZZ_KINDS] = {
	[FUZZ_NOTHING] = 1,
	[FUZZ_FRAME] = sizeof(struct fuzz_frame),
	[FUZZ_REPLY] = sizeof(struct fuzz_reply),
	[FUZZ_QUOTE] = sizeof(struct fuzz_quote),
	[FUZZ_REPEAT] = sizeof(struct fuzz_repeat),
	[FUZZ_WAIT] = sizeof(struct fuzz_wait),
	[FUZZ_CHANGE] = sizeof(struct fuzz_change),
	[FUZZ_ROUTES] = sizeof(struct fuzz_routes),
	[FUZZ_QUIESCE] = sizeof(struct fuzz_quiesce),
	[FUZZ_RESET] = sizeof(struct fuzz_reset),
	[FUZZ_STARVE] = sizeof(struct fuzz_starve),
};

uint32_t record_fixed(uint8_t kind) {
	return FIXED[record_kind(kind)];
}

uint32_t record_len(const uint8_t *input, size_t size, size_t at) {
	uint32_t fixed;
	uint32_t frame;

	if (at >= size)
		return 0;
	fixed = record_fixed(input[at]);
	if (size - at < fixed)
		return 0;
	if (record_kind(input[at]) != FUZZ_FRAME)
		return fixed;
	frame = get16(input + at + offsetof(struct fuzz_frame, len_be)) % (FRAME_MAX + 1);
	return frame <= size - at - fixed ? fixed + frame : (uint32_t)(size - at);
}
