// SPDX-License-Identifier: BSD-3-Clause
// When an RS is removed, the end of its TCP sessions may have come nearer than the timer wheel knows, and so it has of all sessions of
// a worker that is to be without. So the worker goes through all sessions once, a few each round, and moves these to where they are due.
#pragma once

#include "path/core.h"

// Another removal on the way makes it go on to where it was then.
void sweep_start(struct core *c);

// The next part of it, which is what a burst may have to wait (path/session_walk.h); returns whether there were any entries left to look at.
bool sweep(struct core *c);
