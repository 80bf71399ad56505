// SPDX-License-Identifier: BSD-3-Clause
// One sentence for the operator beside each -errno.
#pragma once

#include <stdint.h>

struct err {
	char *text; // caller's buffer
	uint32_t len;
};

// Writes the sentence and returns -code, so that a failing step reads `return err_set(...)`.
int err_set(struct err *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
