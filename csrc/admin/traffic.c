// SPDX-License-Identifier: BSD-3-Clause

#include "admin/traffic.h"

void traffic_add(struct slb_traffic *sum, const struct slb_traffic *more) {
	sum->in_packets += more->in_packets;
	sum->in_bytes += more->in_bytes;
	sum->out_packets += more->out_packets;
	sum->out_bytes += more->out_bytes;
	sum->sessions += more->sessions;
	sum->active += more->active;
}

void traffic_add_core(struct slb_traffic *sum, const struct rs_core *rs) {
	traffic_add(
		sum,
		&(struct slb_traffic){
			.in_packets = counter_read(&rs->packets[DIR_IN]),
			.in_bytes = counter_read(&rs->bytes[DIR_IN]),
			.out_packets = counter_read(&rs->packets[DIR_OUT]),
			.out_bytes = counter_read(&rs->bytes[DIR_OUT]),
			.sessions = counter_read(&rs->sessions),
			.active = counter_read(&rs->active),
		}
	);
}

uint64_t traffic_refused(const struct admin *a, uint16_t vs_slot) {
	uint64_t sum = 0;

	for (uint16_t w = 0; w < a->n_workers; w++)
		sum += counter_read(&a->cores[w]->vs_refused[vs_slot]);
	return sum;
}
