// SPDX-License-Identifier: BSD-3-Clause

#include "path/wheel.h"

#include "base/clock.h"
#include "path/session.h"

static uint32_t *next_of(struct wheel *w, struct session_table *t, uint32_t node) {
	return node < t->lines ? &t->entries[node].next : &w->next[node - t->lines];
}

static uint32_t *prev_of(struct wheel *w, struct session_table *t, uint32_t node) {
	return node < t->lines ? &t->entries[node].prev : &w->prev[node - t->lines];
}

void wheel_init(struct wheel *w, const struct session_table *t, uint32_t now) {
	w->now = now;
	for (uint32_t slot = 0; slot < WHEEL_SLOTS; slot++) {
		w->next[slot] = t->lines + slot;
		w->prev[slot] = t->lines + slot;
	}
}

void wheel_arm(struct wheel *w, struct session_table *t, uint32_t id, uint32_t due) {
	uint32_t head, last;

	if (!clock_reached(due, w->now + 1))
		due = w->now + 1;
	if (clock_reached(due, w->now + WHEEL_SLOTS))
		due = w->now + WHEEL_SLOTS - 1;
	head = t->lines + due % WHEEL_SLOTS;
	last = *prev_of(w, t, head);
	*next_of(w, t, id) = head;
	*prev_of(w, t, id) = last;
	*next_of(w, t, last) = id;
	*prev_of(w, t, head) = id;
}

void wheel_disarm(struct wheel *w, struct session_table *t, uint32_t id) {
	uint32_t next = *next_of(w, t, id);
	uint32_t prev = *prev_of(w, t, id);

	*next_of(w, t, prev) = next;
	*prev_of(w, t, next) = prev;
}

uint32_t wheel_pop(struct wheel *w, struct session_table *t, uint32_t now) {
	while (clock_reached(now, w->now)) {
		uint32_t head = t->lines + w->now % WHEEL_SLOTS;
		uint32_t id = w->next[w->now % WHEEL_SLOTS];
		if (id != head) {
			wheel_disarm(w, t, id);
			return id;
		}
		if (w->now == now)
			break;
		w->now++;
	}
	return SESSION_NIL;
}
