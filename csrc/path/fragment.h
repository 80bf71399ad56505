// SPDX-License-Identifier: BSD-3-Clause
// Virtual reassembly (docs/decisions/0010-fragments.md): a fragment goes to its datagram's home, waits there for the first one
// if it must, and then goes on with the first one's ports in its key.
#pragma once

#include "path/core.h"

// How long a datagram is remembered.
enum { FRAG_SECONDS = 2 };

// Stage of the path: decides fragments that cannot go on from here, and tells the others their ports.
void fragment(struct core *c, struct burst *b, enum source from);

// Forgets datagrams whose time is over, and drops what waits of them, at most `budget` datagrams.
void fragment_expire(struct core *c, uint32_t budget);

// Lets go of all that is held, uncounted.
void fragment_close(struct core *c);

// An identification that no other datagram has that came from this worker lately, or comes from another worker.
uint32_t fragment_id(struct core *c);

// Of a one-packet session that a first fragment has opened: where its later fragments find it.
void fragment_remember(struct core *c, const struct pkt *p);

// Sets the session and direction of a later fragment of such a question; false: there is none.
bool fragment_recall(struct core *c, struct pkt *p);
