// SPDX-License-Identifier: BSD-3-Clause
// The worker's timer wheel (hashed timing wheel: Varghese and Lauck, 1987) with lazy re-arm: a packet only stores the
// tick it came in; when a session's slot comes round and it is not due yet, it is put into the slot where it
// will be due. A session whose time-out got shorter is moved at once. Slots are circular lists through the
// entries; the heads count as entries behind the last one.
#pragma once

#include <stdint.h>

struct session_table;

enum { WHEEL_SLOTS = 4096 };

struct wheel {
	uint32_t now; // tick whose slot is being emptied
	uint32_t next[WHEEL_SLOTS];
	uint32_t prev[WHEEL_SLOTS];
};

void wheel_init(struct wheel *w, const struct session_table *t, uint32_t now);

// Arms session id for tick `due`; dues beyond the wheel's horizon are armed at the horizon.
void wheel_arm(struct wheel *w, struct session_table *t, uint32_t id, uint32_t due);

void wheel_disarm(struct wheel *w, struct session_table *t, uint32_t id);

// The first session armed for a tick within the horizon, or a number from t->lines on; the others follow by `next`.
static inline uint32_t wheel_first(const struct wheel *w, uint32_t tick) {
	return w->next[tick % WHEEL_SLOTS];
}

// The next session whose slot has come by tick `now`, disarmed; SESSION_NIL when there is none.
uint32_t wheel_pop(struct wheel *w, struct session_table *t, uint32_t now);
