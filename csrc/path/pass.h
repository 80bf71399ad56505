// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "path/core.h"

// Stage of the path: notes in the sessions that packets came, in time stamp, state and counters, and in the burst whether one is
// over. A usual packet, of a session between two of one family of whom neither has to be told anything, on a
// way that is wide enough, is rewritten at once and decided; the stages behind are for the others.
void pass(struct core *c, struct burst *b);
