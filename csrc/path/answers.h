// SPDX-License-Identifier: BSD-3-Clause
// What became of the sessions that an RS was given: whether it answered, and how soon. Looked at only by packets that bring a session
// into another state, and by SYNs; how soon is a sample, of one session of an RS at a time.
#pragma once

#include "path/core.h"
#include "path/tcp_state.h"

#include <rte_branch_prediction.h>

// Cycles are measured in units of so many, as a power of two: below a microsecond, and 32 bits of them last for minutes.
enum { ANSWER_UNIT_SHIFT = 10 };

// What is seldom needed of what follows.
void answers_sample(struct rs_answers *a, uint32_t now, uint32_t id);
void answers_measure(struct rs_answers *a);
void answers_syn(struct rs_answers *a);
void answers_closed(struct core *c, const struct pkt *p, const struct session *s);

static inline struct rs_answers *answers_of(const struct core *c, const struct session *s) {
	return &c->answers[s->rs];
}

static inline bool answers_is_sample(
	const struct core *c, const struct rs_answers *a, const struct session *s
) {
	return a->sample == session_id(&c->sessions, s) + 1;
}

static inline bool answers_waits(uint8_t state) {
	return state == SLB_TCP_SYN_SENT || state == SLB_UDP_ONEWAY;
}

// A session of TCP begins; its packet has yet to pass. No more than one in a tick is measured.
static inline void answers_begin(struct core *c, const struct session *s, uint32_t id) {
	struct rs_answers *a = answers_of(c, s);

	if (unlikely(a->tick != c->now))
		answers_sample(a, c->now, id);
}

// The RS has answered a session that waited.
static inline void answers_came(struct core *c, const struct session *s) {
	struct rs_answers *a = answers_of(c, s);

	a->answered++;
	if (unlikely(answers_is_sample(c, a, s)))
		answers_measure(a);
}

// Its SYN is sent again, so nobody will know which of them is answered.
static inline void answers_sent_again(struct core *c, const struct session *s) {
	struct rs_answers *a = answers_of(c, s);

	if (answers_is_sample(c, a, s))
		a->sample = 0;
}

// A TCP packet is about to bring its session into another state.
static inline void answers_change(
	struct core *c, const struct pkt *p, const struct session *s, uint8_t state
) {
	if (unlikely(state == SLB_TCP_CLOSE))
		answers_closed(c, p, s);
	else if (s->state == SLB_TCP_SYN_SENT)
		answers_came(c, s);
}

// A TCP packet leaves its session in the state that it is in. A SYN, the first one or another, may be of the one that is measured.
static inline void answers_same(struct core *c, const struct pkt *p, const struct session *s) {
	struct rs_answers *a = answers_of(c, s);

	if (s->state == SLB_TCP_SYN_SENT && unlikely(answers_is_sample(c, a, s)) && p->dir == DIR_IN
	    && p->tcp_flags & RTE_TCP_SYN_FLAG)
		answers_syn(a);
}

// A packet of a session that ends in the burst that brought it, which nobody else notes.
void answers_late(struct core *c, const struct pkt *p, struct session *s);

// A session ends.
static inline void answers_end(struct core *c, const struct session *s) {
	if (answers_waits(s->state)) {
		answers_of(c, s)->unanswered++;
		answers_sent_again(c, s);
	}
}
