// SPDX-License-Identifier: BSD-3-Clause

#include "admin/traffic.h"

#include "path/answers.h"

#include <rte_cycles.h>

void traffic_add(struct slb_traffic *sum, const struct slb_traffic *more) {
	sum->in_packets += more->in_packets;
	sum->in_bytes += more->in_bytes;
	sum->out_packets += more->out_packets;
	sum->out_bytes += more->out_bytes;
	sum->sessions += more->sessions;
	sum->active += more->active;
	sum->answers.answered += more->answers.answered;
	sum->answers.unanswered += more->answers.unanswered;
	sum->answers.refused += more->answers.refused;
	sum->answers.aborted += more->answers.aborted;
	sum->answers.resets += more->answers.resets;
	sum->answers.latency_us += more->answers.latency_us;
	sum->answers.samples += more->answers.samples;
}

// Rounded down, so that what grows does not become less.
static uint64_t us_of(uint64_t units) {
	const uint64_t per_s = rte_get_tsc_hz() >> ANSWER_UNIT_SHIFT;

	return units / per_s * US_PER_S + units % per_s * US_PER_S / per_s;
}

static struct slb_answers answers(const struct rs_answers *a) {
	return (struct slb_answers){
		.answered = counter_read(&a->answered),
		.unanswered = counter_read(&a->unanswered),
		.refused = counter_read(&a->refused),
		.aborted = counter_read(&a->aborted),
		.resets = counter_read(&a->resets),
		.latency_us = us_of(counter_read(&a->latency)),
		.samples = __atomic_load_n(&a->samples, __ATOMIC_RELAXED),
	};
}

void traffic_add_core(struct slb_traffic *sum, const struct core *c, uint32_t slot) {
	const struct rs_core *rs = &c->rs[slot];

	traffic_add(
		sum,
		&(struct slb_traffic){
			.in_packets = counter_read(&rs->packets[DIR_IN]),
			.in_bytes = counter_read(&rs->bytes[DIR_IN]),
			.out_packets = counter_read(&rs->packets[DIR_OUT]),
			.out_bytes = counter_read(&rs->bytes[DIR_OUT]),
			.sessions = counter_read(&rs->sessions),
			.active = counter_read(&rs->active),
			.answers = answers(&c->answers[slot]),
		}
	);
}

uint64_t traffic_refused(const struct admin *a, uint16_t vs_slot) {
	uint64_t sum = 0;

	for (uint16_t w = 0; w < a->n_workers; w++)
		sum += counter_read(&a->cores[w]->vs_refused[vs_slot]);
	return sum;
}
