// SPDX-License-Identifier: BSD-3-Clause
// The worker's timer wheel (hashed timing wheel: Varghese and Lauck, 1987) with lazy re-arm: a packet only stores the
// tick it came in; when a session's slot comes round and it is not due yet, it is put into the slot where it
// will be due. A session whose time-out got shorter is moved at once. Slots are circular lists through the
// entries; the heads count as entries behind the last one.
//
// A slot has a list for each lane, so that of the sessions that may give way to others the one that ends first is found
// without passing those that may not.
#pragma once

#include "base/clock.h"
#include "path/session.h"

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>
#include <stdint.h>

enum { WHEEL_SLOTS = 4096 };

enum wheel_lane {
	WHEEL_STAYS, // open TCP connections
	WHEEL_YIELDS, // + enum session_width: all others
	WHEEL_LANES = WHEEL_YIELDS + 2,
};

struct wheel {
	uint32_t now; // tick whose slot is being emptied
	uint32_t first[WHEEL_LANES]; // tick within the horizon before which the lane is empty
	uint32_t next[WHEEL_SLOTS][WHEEL_LANES];
	uint32_t prev[WHEEL_SLOTS][WHEEL_LANES];
};

void wheel_init(struct wheel *w, const struct session_table *t, uint32_t now);

static inline uint32_t wheel_head(const struct session_table *t, uint32_t tick, uint32_t lane) {
	return t->lines + tick % WHEEL_SLOTS * WHEEL_LANES + lane;
}

static inline uint32_t *wheel_next(struct wheel *w, struct session_table *t, uint32_t node) {
	return node < t->lines ? &t->entries[node].next : &w->next[0][0] + (node - t->lines);
}

static inline uint32_t *wheel_prev(struct wheel *w, struct session_table *t, uint32_t node) {
	return node < t->lines ? &t->entries[node].prev : &w->prev[0][0] + (node - t->lines);
}

// Arms session id for tick `due`; dues beyond the wheel's horizon are armed at the horizon.
static inline void wheel_arm(
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
	t->entries[id].next = wheel_head(t, slot, lane);
	t->entries[id].prev = last;
	*wheel_next(w, t, last) = id;
	w->prev[slot][lane] = id;
}

static inline void wheel_disarm(struct wheel *w, struct session_table *t, uint32_t id) {
	uint32_t next = t->entries[id].next;
	uint32_t prev = t->entries[id].prev;

	*wheel_next(w, t, prev) = next;
	*wheel_prev(w, t, next) = prev;
}

// The session of this lane that is armed for the earliest tick, and that tick; SESSION_NIL, and *tick unset, when the lane is empty. Costs a look at
// each empty slot, but at none twice.
uint32_t wheel_first(
	struct wheel *w, const struct session_table *t, enum wheel_lane lane, uint32_t *tick
);

static inline void wheel_step(struct wheel *w) {
	for (uint32_t lane = 0; lane < WHEEL_LANES; lane++)
		w->first[lane] += w->first[lane] == w->now;
	w->now++;
}

// The next session whose slot has come by tick `now`, disarmed; SESSION_NIL when there is none.
static inline uint32_t wheel_pop(struct wheel *w, struct session_table *t, uint32_t now) {
	while (clock_reached(now, w->now)) {
		for (uint32_t lane = 0; lane < WHEEL_LANES; lane++) {
			uint32_t id = w->next[w->now % WHEEL_SLOTS][lane];
			if (id < t->lines) {
				uint32_t next = t->entries[id].next;
				w->next[w->now % WHEEL_SLOTS][lane] = next;
				*wheel_prev(w, t, next) = wheel_head(t, w->now, lane);
				// The one that is next, if there is one.
				rte_prefetch0(&t->entries[next]);
				return id;
			}
		}
		if (w->now == now)
			break;
		wheel_step(w);
	}
	return SESSION_NIL;
}
