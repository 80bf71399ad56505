// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "path/core.h"

#include <rte_branch_prediction.h>

// Looks a session's next hops up in the forwarding view as it is now.
void forward_refresh(const struct core *c, struct session *s);

// The next hop of a session's packets that come in a direction.
static inline const struct hop *forward_hop(
	const struct core *c, struct session *s, enum direction dir
) {
	if (unlikely(s->hop_gen != c->fwd_gen))
		forward_refresh(c, s);
	return &c->fwd->hops[s->hop[dir]];
}

// Stage of the path: finds each packet's next hop (cached in its session until the forwarding view changes), checks TTL
// and size, and decides the port.
void forward(struct core *c, struct burst *b);

// The same for one packet with a session, which will be of `len` bytes.
void forward_by_session(struct core *c, struct pkt *p, uint32_t len);
