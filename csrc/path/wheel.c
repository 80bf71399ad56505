// SPDX-License-Identifier: BSD-3-Clause

#include "path/wheel.h"

_Static_assert(WHEEL_LANES == WHEEL_YIELDS + SESSION_WIDTHS, "a lane for each width that yields");

void wheel_init(struct wheel *w, const struct session_table *t, uint32_t now) {
	w->now = now;
	for (uint32_t lane = 0; lane < WHEEL_LANES; lane++)
		w->first[lane] = now + WHEEL_SLOTS - 1;
	for (uint32_t slot = 0; slot < WHEEL_SLOTS; slot++) {
		for (uint32_t lane = 0; lane < WHEEL_LANES; lane++) {
			w->next[slot][lane] = wheel_head(t, slot, lane);
			w->prev[slot][lane] = wheel_head(t, slot, lane);
		}
	}
}

uint32_t wheel_first(
	struct wheel *w, const struct session_table *t, enum wheel_lane lane, uint32_t *tick
) {
	for (;; w->first[lane]++) {
		uint32_t id = w->next[w->first[lane] % WHEEL_SLOTS][lane];
		if (id < t->lines) {
			*tick = w->first[lane];
			return id;
		}
		// A lane that is empty to its horizon is looked at there again, not from its beginning.
		if (w->first[lane] - w->now == WHEEL_SLOTS - 1)
			return SESSION_NIL;
	}
}
