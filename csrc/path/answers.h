// SPDX-License-Identifier: BSD-3-Clause
// What became of the sessions that an RS was given: whether it answered, and how soon. Looked at only by packets that a session that
// waits for its RS, or an RST, brings; how soon is a sample, of one session at a time.
#pragma once

#include "path/core.h"
#include "path/tcp_state.h"

#include <rte_branch_prediction.h>

// Cycles are measured in units of so many, as a power of two: below a microsecond, and 32 bits of them last for minutes.
enum { ANSWER_UNIT_SHIFT = 10 };

static inline bool answers_waits(uint8_t state) {
	return state == SLB_TCP_SYN_SENT || state == SLB_UDP_ONEWAY;
}

// The bodies of what is declared inline below.
void answers_sample(struct rs_answers *a, uint32_t now, uint32_t id);
void answers_tcp(struct core *c, const struct pkt *p, const struct session *s, uint8_t state);
void answers_end_waiting(struct core *c, const struct session *s, uint32_t id);

// A session of TCP begins; its packet has yet to pass. No more than one in a tick is measured.
static inline void answers_begin(struct core *c, const struct session *s, uint32_t id) {
	struct rs_answers *a = &c->answers[s->rs];

	if (a->tick != c->now)
		answers_sample(a, c->now, id);
}

// A TCP packet is about to bring its session into `state`, which may be the one that it is in.
static inline void answers_note(
	struct core *c, const struct pkt *p, const struct session *s, uint8_t state
) {
	if (s->state == SLB_TCP_SYN_SENT || p->tcp_flags & RTE_TCP_RST_FLAG)
		answers_tcp(c, p, s, state);
}

// The RS has answered a session that waited. Its first SYN is not the one that is answered where that was sent again.
void answers_came(struct core *c, const struct session *s);

// Its SYN is sent again, so nobody will know which of them is answered.
void answers_sent_again(struct core *c, const struct session *s);

// A packet of a session that ends in the burst that brought it, which nobody else notes.
void answers_late(struct core *c, const struct pkt *p, struct session *s);

// A session ends.
static inline void answers_end(struct core *c, const struct session *s, uint32_t id) {
	if (unlikely(answers_waits(s->state)))
		answers_end_waiting(c, s, id);
}
