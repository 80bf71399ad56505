// SPDX-License-Identifier: BSD-3-Clause
// A world as a walk over all sessions meets it when it takes longest: they are of many RS, and stand in the timer wheel beside any
// others.
#pragma once

#include "bench/bench.h"
#include "path/core.h"

enum { WALK_RS = 32768 };

// As many sessions as wanted; `tcp`: as if they were open connections. Room for that many rounds is enough for a walk over it.
struct core *walk_world(const struct request *r, bool tcp);
uint32_t walk_rounds(const struct core *c);
