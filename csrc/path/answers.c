// SPDX-License-Identifier: BSD-3-Clause

#include "path/answers.h"

#include <rte_cycles.h>

// A session that was not answered for so many ticks makes room for another to be measured.
enum { SAMPLE_TICKS = 2 * TICK_HZ };

static uint32_t units_now(void) {
	return (uint32_t)(rte_rdtsc() >> ANSWER_UNIT_SHIFT);
}

static struct rs_answers *answers_of(const struct core *c, const struct session *s) {
	return &c->answers[s->rs];
}

static bool is_sample(const struct core *c, const struct rs_answers *a, const struct session *s) {
	return a->sampled && a->sample == session_id(&c->sessions, s);
}

void answers_sample(struct rs_answers *a, uint32_t now, uint32_t id) {
	if (a->sampled && now - a->tick < SAMPLE_TICKS)
		return;
	a->sample = id;
	a->sampled = true;
	a->sent = false;
	a->tick = now;
}

// The first one begins the measurement; with a second it ends without a result (Karn and Partridge, SIGCOMM 1987).
static void syn(struct core *c, const struct session *s) {
	struct rs_answers *a = answers_of(c, s);

	if (!is_sample(c, a, s))
		return;
	if (a->sent) {
		a->sampled = false;
		return;
	}
	a->sent = true;
	a->sent_at = units_now();
}

void answers_sent_again(struct core *c, const struct session *s) {
	struct rs_answers *a = answers_of(c, s);

	if (is_sample(c, a, s))
		a->sampled = false;
}

void answers_came(struct core *c, const struct session *s) {
	struct rs_answers *a = answers_of(c, s);

	a->answered++;
	if (!is_sample(c, a, s))
		return;
	a->sampled = false;
	if (!a->sent)
		return;
	a->latency += units_now() - a->sent_at;
	a->samples++;
}

static void reset(struct rs_answers *a, enum direction dir, uint8_t before) {
	if (dir == DIR_OUT && (before == SLB_TCP_SYN_RECV || before == SLB_TCP_ESTABLISHED))
		a->resets++;
}

static void refuse(struct core *c, const struct session *s, enum direction dir) {
	struct rs_answers *a = answers_of(c, s);

	answers_sent_again(c, s);
	if (dir == DIR_OUT)
		a->refused++;
	else
		a->aborted++;
}

void answers_tcp(struct core *c, const struct pkt *p, const struct session *s, uint8_t state) {
	if (s->state != SLB_TCP_SYN_SENT)
		reset(answers_of(c, s), p->dir, s->state);
	else if (state == SLB_TCP_CLOSE)
		refuse(c, s, p->dir);
	else if (state != SLB_TCP_SYN_SENT)
		answers_came(c, s);
	else if (p->dir == DIR_IN && p->tcp_flags & RTE_TCP_SYN_FLAG)
		syn(c, s);
}

// A SYN proxy would have to look at it first.
void answers_late(struct core *c, const struct pkt *p, struct session *s) {
	uint8_t state;

	if (p->flags & PKT_LATER || s->extras & SESSION_SYN_PROXY)
		return;
	if (p->proto == SLB_PROTO_TCP) {
		state = tcp_state_next(s->state, p->dir, p->tcp_flags);
		answers_note(c, p, s, state);
		s->state = state;
	} else if (p->dir == DIR_OUT && s->state == SLB_UDP_ONEWAY) {
		answers_came(c, s);
		s->state = SLB_UDP_REPLIED;
	}
}

void answers_end_waiting(struct core *c, const struct session *s, uint32_t id) {
	struct rs_answers *a = answers_of(c, s);

	a->unanswered++;
	if (a->sampled && a->sample == id)
		a->sampled = false;
}
