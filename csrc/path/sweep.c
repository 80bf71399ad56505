// SPDX-License-Identifier: BSD-3-Clause

#include "path/sweep.h"

#include "path/lifecycle.h"
#include "path/session_walk.h"
#include "path/spread.h"

void sweep_start(struct core *c) {
	c->sweep.left = c->sessions.lines;
}

// What a look at it counts for.
static uint32_t move(struct core *c, uint32_t id) {
	struct session *s = &c->sessions.entries[id];

	if (s->kind[DIR_IN] == 0 || (!core_rs_removed(c, &c->rs[s->rs]) && !c->spread->ends))
		return 1;
	session_rearm(c, s);
	return WALK_DEAR;
}

// The entries are a circle: a sweep begins and ends wherever the one before it stood.
bool sweep(struct core *c) {
	struct sweep *w = &c->sweep;
	uint32_t lines = c->sessions.lines, spent = 0;
	bool any = w->left > 0;

	while (w->left > 0 && spent < WALK_LOOKS) {
		uint32_t id = session_at(&c->sessions, w->at);
		uint32_t next = id < lines ? id + 1 : lines;
		w->left -= RTE_MIN(w->left, next - w->at);
		w->at = next < lines ? next : 0;
		spent += id < lines ? move(c, id) : 1;
	}
	return any;
}
