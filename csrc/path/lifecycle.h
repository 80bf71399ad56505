// SPDX-License-Identifier: BSD-3-Clause
// The one place that creates sessions and the one that ends them.
#pragma once

#include "path/core.h"
#include "path/spread.h"
#include "path/tcp_state.h"
#include "path/wheel.h"

#include <rte_branch_prediction.h>

// A new session for packet p, which session() has hashed and found in no session, from RS `rs` of VS `vs`: sets its session, or drops it with the reason.
void session_create(struct core *c, struct pkt *p, const struct vs *vs, const struct vs_rs *rs);

// Ends a session before its time; a pointer to it must not be used any more.
void session_end_now(struct core *c, struct session *s);

// The size of entry that a session of this packet with this RS needs.
enum session_width session_width(const struct pkt *p, const struct vs_rs *rs);

// Its RS is removed, and its time is over too: for a UDP session when the client sends again, for a TCP one after the drain.
bool session_is_over(const struct core *c, const struct session *s, enum direction dir);

// The session that may be given up for another of this width, or NULL: of UDP, half-open and finished ones the one that
// would end first, unless too many that look so have had packets lately; then one of these.
struct session *session_victim(struct core *c, enum session_width width);

// A one-packet session that has had its reply.
bool session_is_answered(const struct core *c, const struct session *s);

// Ends what is due by c->now, and tells the ends of open connections if that is wanted, looking at no more than `budget` sessions; returns how many were looked at.
uint32_t session_expire(struct core *c, uint32_t budget);

// Puts the session where it is due now, after a change of its state or its time-out.
void session_rearm(struct core *c, struct session *s);

// Tick at which the session ends if no packet comes.
uint32_t session_due(const struct core *c, const struct session *s);

static inline enum wheel_lane session_lane(const struct core *c, const struct session *s) {
	if (tcp_is_open(s->state))
		return WHEEL_STAYS;
	return WHEEL_YIELDS + session_width_of(&c->sessions, session_id(&c->sessions, s));
}

// A packet has brought the session into another state. What became due later stays where it is until it is
// looked at.
static __rte_always_inline void session_state(struct core *c, struct session *s, uint8_t state) {
	const uint32_t *timeout = c->policies[s->policy].timeout;
	const bool stayed = tcp_is_open(s->state);
	const uint32_t before = timeout[s->state], id = session_id(&c->sessions, s);
	uint32_t due = s->seen + timeout[state];

	s->state = state;
	if (timeout[state] >= before && tcp_is_open(state) == stayed)
		return;
	if (unlikely(c->n_removed > 0 || c->proxied > 0 || c->spread->ends))
		due = session_due(c, s);
	wheel_disarm(&c->wheel, &c->sessions, id);
	wheel_arm(&c->wheel, &c->sessions, id, session_lane(c, s), due);
}
