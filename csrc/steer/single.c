// SPDX-License-Identifier: BSD-3-Clause
// One worker: there is nothing to steer.

#include "steer/steer.h"

#include <stdio.h>

static bool single_probe(const struct steer_port *port, struct steer_choice *choice) {
	if (port->n_workers > 1)
		return false;
	snprintf(choice->reason, sizeof(choice->reason), "one worker: nothing to steer");
	return true;
}

const struct steer_ops steer_single = {.method = SLB_STEER_SINGLE, .probe = single_probe};
