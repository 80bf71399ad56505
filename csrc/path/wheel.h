// SPDX-License-Identifier: BSD-3-Clause
// The worker's timer wheel (hashed timing wheel: Varghese and Lauck, 1987) with lazy re-arm: a packet only stores the
// tick it came in; when a session's slot comes round and it is not due yet, it is put into the slot where it
// will be due. A session whose time-out got shorter is moved at once. Slots are circular lists through the
// entries; the heads count as entries behind the last one.
//
// A slot has a list for each lane, so that of the sessions that may give way to others the one that ends first is found
// without passing those that may not.
#pragma once

#include <stdint.h>

struct session_table;

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

// Arms session id for tick `due`; dues beyond the wheel's horizon are armed at the horizon.
void wheel_arm(
	struct wheel *w, struct session_table *t, uint32_t id, enum wheel_lane lane, uint32_t due
);

void wheel_disarm(struct wheel *w, struct session_table *t, uint32_t id);

// The session of this lane that is armed for the earliest tick, and that tick; SESSION_NIL, and *tick unset, when the lane is empty. Costs a look at
// each empty slot, but at none twice.
uint32_t wheel_first(
	struct wheel *w, const struct session_table *t, enum wheel_lane lane, uint32_t *tick
);

// The next session whose slot has come by tick `now`, disarmed; SESSION_NIL when there is none.
uint32_t wheel_pop(struct wheel *w, struct session_table *t, uint32_t now);
