// SPDX-License-Identifier: BSD-3-Clause

#include "path/sweep.h"

#include "path/lifecycle.h"
#include "path/spread.h"

void sweep_start(struct core *c) {
	c->sweep.left = c->sessions.lines;
}

static void move(struct core *c, uint32_t id) {
	struct session *s = &c->sessions.entries[id];

	if (s->kind[DIR_IN] == 0 || (!core_rs_removed(c, &c->rs[s->rs]) && !c->spread->ends))
		return;
	session_rearm(c, s);
}

// The entries are a circle: a sweep begins and ends wherever the one before it stood.
bool sweep(struct core *c, uint32_t budget) {
	struct sweep *w = &c->sweep;
	uint32_t lines = c->sessions.lines;
	bool any = w->left > 0;

	for (; w->left > 0 && budget > 0; budget--) {
		uint32_t id = session_at(&c->sessions, w->at);
		uint32_t next = id < lines ? id + 1 : lines;
		w->left -= RTE_MIN(w->left, next - w->at);
		w->at = next < lines ? next : 0;
		if (id < lines)
			move(c, id);
	}
	return any;
}
