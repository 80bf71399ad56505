// SPDX-License-Identifier: BSD-3-Clause

#include "path/wheel.h"

#include "base/clock.h"
#include "path/session.h"

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>

_Static_assert(WHEEL_LANES == WHEEL_YIELDS + SESSION_WIDTHS, "a lane for each width that yields");

static uint32_t head_of(const struct session_table *t, uint32_t tick, uint32_t lane) {
	return t->lines + tick % WHEEL_SLOTS * WHEEL_LANES + lane;
}

static uint32_t *next_of(struct wheel *w, struct session_table *t, uint32_t node) {
	return node < t->lines ? &t->entries[node].next : &w->next[0][0] + (node - t->lines);
}

static uint32_t *prev_of(struct wheel *w, struct session_table *t, uint32_t node) {
	return node < t->lines ? &t->entries[node].prev : &w->prev[0][0] + (node - t->lines);
}

void wheel_init(struct wheel *w, const struct session_table *t, uint32_t now) {
	w->now = now;
	for (uint32_t lane = 0; lane < WHEEL_LANES; lane++)
		w->first[lane] = now + WHEEL_SLOTS - 1;
	for (uint32_t slot = 0; slot < WHEEL_SLOTS; slot++) {
		for (uint32_t lane = 0; lane < WHEEL_LANES; lane++) {
			w->next[slot][lane] = head_of(t, slot, lane);
			w->prev[slot][lane] = head_of(t, slot, lane);
		}
	}
}

void wheel_arm(
	struct wheel *w, struct session_table *t, uint32_t id, enum wheel_lane lane, uint32_t due
) {
	uint32_t ahead = due - w->now, last, slot;

	// One test for both ends.
	if (unlikely(ahead - 1 >= WHEEL_SLOTS - 1))
		ahead = clock_reached(due, w->now + 1) ? WHEEL_SLOTS - 1 : 1;
	if (ahead < w->first[lane] - w->now)
		w->first[lane] = w->now + ahead;
	slot = (w->now + ahead) % WHEEL_SLOTS;
	last = w->prev[slot][lane];
	t->entries[id].next = head_of(t, slot, lane);
	t->entries[id].prev = last;
	*next_of(w, t, last) = id;
	w->prev[slot][lane] = id;
}

void wheel_disarm(struct wheel *w, struct session_table *t, uint32_t id) {
	uint32_t next = t->entries[id].next;
	uint32_t prev = t->entries[id].prev;

	*next_of(w, t, prev) = next;
	*prev_of(w, t, next) = prev;
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

static void step(struct wheel *w) {
	for (uint32_t lane = 0; lane < WHEEL_LANES; lane++)
		w->first[lane] += w->first[lane] == w->now;
	w->now++;
}

uint32_t wheel_pop(struct wheel *w, struct session_table *t, uint32_t now) {
	while (clock_reached(now, w->now)) {
		for (uint32_t lane = 0; lane < WHEEL_LANES; lane++) {
			uint32_t id = w->next[w->now % WHEEL_SLOTS][lane];
			if (id < t->lines) {
				uint32_t next = t->entries[id].next;
				w->next[w->now % WHEEL_SLOTS][lane] = next;
				*prev_of(w, t, next) = head_of(t, w->now, lane);
				// The one that is next, if there is one.
				rte_prefetch0(&t->entries[next]);
				return id;
			}
		}
		if (w->now == now)
			break;
		step(w);
	}
	return SESSION_NIL;
}
