// SPDX-License-Identifier: BSD-3-Clause
// One worker: there is nothing to steer.

#include "steer/steer.h"

#include <stdio.h>

static bool single_probe(const struct steer_port *port, char *reason) {
	if (port->n_workers == 1) {
		snprintf(reason, SLB_TEXT_LEN, "one worker: nothing to steer");
		return true;
	}
	snprintf(
		reason, SLB_TEXT_LEN,
		"%u workers, and no rule in the device brings replies to theirs", port->n_workers
	);
	return false;
}

const struct steer_ops steer_single = {
	.name = "single", .method = SLB_STEER_SINGLE, .probe = single_probe
};
