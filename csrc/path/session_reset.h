// SPDX-License-Identifier: BSD-3-Clause
// Ending the sessions of an RS on demand (docs/decisions/0033-sessions-that-are-reset.md). A TCP connection that either end may
// still use is told to both; until its time-out of CLOSE is over its session stays, and answers whatever still comes with an RST.
// All others end at once.
#pragma once

#include "path/core.h"

struct session_reset {
	const uint64_t *rs; // a bit for each slot: whose sessions end
	uint32_t next; // in: first line to look at; out: where to go on
	uint32_t end; // line to stop before
	uint32_t n; // sessions so far
};

// The next part of it, which is what a burst may have to wait; true: the end is reached.
bool session_reset_scan(struct core *c, struct session_reset *r);

// Stage of the path, where there are such sessions: a packet of one is answered, and leaves the burst.
void session_reset(struct core *c, struct burst *b);
