// SPDX-License-Identifier: BSD-3-Clause

#include "steer/steer.h"

#include <stdio.h>

static const struct steer_ops *const METHODS[] = {&steer_single, &steer_soft};

enum { N_METHODS = sizeof(METHODS) / sizeof(METHODS[0]) };

// With fewer queues than workers the device cannot reach them all, whatever it does.
static uint8_t choose_spread(const struct steer_port *port) {
	bool reaches_all = port->n_queues >= port->n_workers;

	return reaches_all && port->device_spreads && !port->distrust_spread ? SLB_SPREAD_QUEUES
									     : SLB_SPREAD_HASH;
}

void steer_choose(const struct steer_port *port, struct steer_choice *choice) {
	*choice = (struct steer_choice){.method = SLB_STEER_SOFT};
	choice->spread = port->n_workers == 1 ? SLB_SPREAD_QUEUES : choose_spread(port);
	for (uint32_t i = 0; i < N_METHODS; i++) {
		if (METHODS[i]->probe(port, choice->reason)) {
			choice->method = METHODS[i]->method;
			return;
		}
	}
}
