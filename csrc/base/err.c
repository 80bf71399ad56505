// SPDX-License-Identifier: BSD-3-Clause

#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

int err_set(struct err *e, int code, const char *format, ...) {
	va_list args;

	if (e != NULL && e->text != NULL && e->len > 0) {
		va_start(args, format);
		vsnprintf(e->text, e->len, format, args);
		va_end(args);
	}
	return -code;
}
