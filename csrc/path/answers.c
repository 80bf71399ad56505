// SPDX-License-Identifier: BSD-3-Clause

#include "path/answers.h"

#include <rte_cycles.h>

// A session that was not answered for so many ticks makes room for another to be measured.
enum { SAMPLE_TICKS = 2 * TICK_HZ };

// 0 is no time.
static uint32_t units_now(void) {
	return (uint32_t)(rte_rdtsc() >> ANSWER_UNIT_SHIFT) | 1;
}

void answers_sample(struct rs_answers *a, uint32_t now, uint32_t id) {
	if (a->sample != 0 && now - a->tick < SAMPLE_TICKS)
		return;
	a->sample = id + 1;
	a->sent_at = 0;
	a->tick = now;
}

// The first one begins the measurement; with a second it ends without a result (Karn and Partridge, SIGCOMM 1987).
void answers_syn(struct rs_answers *a) {
	if (a->sent_at == 0)
		a->sent_at = units_now();
	else
		a->sample = 0;
}

void answers_measure(struct rs_answers *a) {
	a->sample = 0;
	if (a->sent_at == 0)
		return;
	a->latency += units_now() - a->sent_at;
	a->samples++;
}

void answers_closed(struct core *c, const struct pkt *p, const struct session *s) {
	struct rs_answers *a = answers_of(c, s);

	if (s->state == SLB_TCP_SYN_SENT) {
		answers_sent_again(c, s);
		a->refused += p->dir == DIR_OUT;
		a->aborted += p->dir == DIR_IN;
	} else if (s->state == SLB_TCP_SYN_RECV || s->state == SLB_TCP_ESTABLISHED) {
		a->resets += p->dir == DIR_OUT;
	}
}

// A SYN proxy would have to look at it first.
void answers_late(struct core *c, const struct pkt *p, struct session *s) {
	uint8_t state;

	if (p->flags & PKT_LATER || s->extras & SESSION_SYN_PROXY)
		return;
	if (p->proto == SLB_PROTO_TCP) {
		state = tcp_state_next(s->state, p->dir, p->tcp_flags);
		if (state != s->state)
			answers_change(c, p, s, state);
		s->state = state;
	} else if (p->dir == DIR_OUT && s->state == SLB_UDP_ONEWAY) {
		answers_came(c, s);
		s->state = SLB_UDP_REPLIED;
	}
}
