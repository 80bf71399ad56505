// SPDX-License-Identifier: BSD-3-Clause
// Mutations that know what an input says (program.h) and what a frame is, so that few inputs die at the first length check.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Changes the input in place; returns its new size, at most max_size.
size_t mutate(uint8_t *input, size_t size, size_t max_size, unsigned seed);

// The beginning of one input and the end of another.
size_t mutate_cross(
	const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out,
	size_t max_size, unsigned seed
);
