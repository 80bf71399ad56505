// SPDX-License-Identifier: BSD-3-Clause
// Fragmenting (docs/decisions/0010-fragments.md).
#pragma once

#include "path/core.h"

// Whether the packet, as it arrived, may be cut into pieces.
bool split_is_allowed(const struct pkt *p);

// Stage of the path: cuts packets with PKT_SPLIT, which have been rewritten, for the MTU of their next hop; without buffers for
// the pieces they are dropped.
void split(struct core *c, struct burst *b);
