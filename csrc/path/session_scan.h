// SPDX-License-Identifier: BSD-3-Clause
// Reading sessions out, by the worker that owns them, a piece at a time.
#pragma once

#include "path/core.h"

struct session_scan {
	struct slb_session_filter filter;
	uint32_t next; // in: first line to look at; out: where to go on
	uint32_t end; // line to stop before
	uint32_t cap;
	uint32_t n; // matches so far
	struct slb_session_info *out;
};

// The next part of it, which is what a burst may have to wait; true: the end is reached or `out` is full.
bool session_scan(const struct core *c, struct session_scan *scan);
