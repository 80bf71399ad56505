// SPDX-License-Identifier: BSD-3-Clause
// A walk over all entries of the session table, a part of it in each round of the worker: what it spends there is what a burst may
// have to wait. To look at an entry costs little, since entries lie in a row and the next ones are on their way into the cache. What
// costs more than a look, where lines of memory are touched that lie anywhere, stands for WALK_DEAR of them.
#pragma once

#include "path/core.h"

#include <rte_common.h>
#include <rte_prefetch.h>

enum {
	WALK_LOOKS = 128, // in one round
	WALK_DEAR = 8,
	WALK_AHEAD = 16, // lines
};

// The entry at or behind *line, which comes to stand behind it; whether it is in use, kind[DIR_IN] tells. NULL: there is none before `end`.
static inline struct session *session_walk_next(
	const struct session_table *t, uint32_t *line, uint32_t end
) {
	struct session *s;

	*line = session_at(t, *line);
	if (*line >= end)
		return NULL;
	s = &t->entries[(*line)++];
	// Beyond the last one the address is not looked at.
	rte_prefetch0(s + WALK_AHEAD);
	return s;
}

// The neighbours of a session in the timer wheel, where they are sessions too.
static inline void session_walk_prefetch_links(const struct core *c, const struct session *s) {
	rte_prefetch0(&c->sessions.entries[s->next]);
	rte_prefetch0(&c->sessions.entries[s->prev]);
}
