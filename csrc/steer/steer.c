// SPDX-License-Identifier: BSD-3-Clause

#include "steer/steer.h"

#include <errno.h>
#include <rte_malloc.h>
#include <stdio.h>

static const struct steer_ops *const METHODS[] = {&steer_single, &steer_rss_port, &steer_soft};

enum { N_METHODS = sizeof(METHODS) / sizeof(METHODS[0]) };

// With fewer queues than workers the device cannot reach them all, whatever it does.
static uint8_t choose_spread(const struct steer_port *port) {
	bool reaches_all = port->n_queues >= port->n_workers;

	return reaches_all && port->device_spreads && !port->distrust_spread ? SLB_SPREAD_QUEUES
									     : SLB_SPREAD_HASH;
}

// One worker needs no method, whichever is wanted.
static bool is_allowed(const struct steer_port *port, uint8_t method) {
	return method != SLB_STEER_RSS_PORT || port->steering != SLB_STEERING_SOFT;
}

int steer_choose(const struct steer_port *port, struct steer_choice *choice, struct err *e) {
	*choice = (struct steer_choice){.method = SLB_STEER_SOFT};
	choice->spread = port->n_workers == 1 ? SLB_SPREAD_QUEUES : choose_spread(port);
	if (port->steering == SLB_STEERING_SOFT)
		snprintf(choice->reason, sizeof(choice->reason), "so configured");
	for (uint32_t i = 0; i < N_METHODS; i++) {
		if (is_allowed(port, METHODS[i]->method) && METHODS[i]->probe(port, choice)) {
			choice->method = METHODS[i]->method;
			break;
		}
	}
	if (choice->method == SLB_STEER_SOFT && port->steering == SLB_STEERING_RSS_PORT)
		return err_set(e, ENOTSUP, "%s", choice->reason);
	return 0;
}

void steer_close(struct steer_choice *choice) {
	rte_free(choice->rss);
	choice->rss = NULL;
}
