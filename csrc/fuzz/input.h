// SPDX-License-Identifier: BSD-3-Clause
// What C includes for program.h.
#pragma once

#include <stdint.h>

#include "fuzz/program.h"

#include <stddef.h>

// Bytes of a record's fixed part, by enum fuzz_kind.
uint32_t record_fixed(uint8_t kind);

// Whole length of the record at `at`, or 0 when there is no whole record any more.
uint32_t record_len(const uint8_t *input, size_t size, size_t at);

static inline uint8_t record_kind(uint8_t byte) {
	return byte % FUZZ_KINDS;
}
