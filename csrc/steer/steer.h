// SPDX-License-Identifier: BSD-3-Clause
// How a reply finds the worker that owns its session. A method is chosen for each port at start, the best that its device
// can do; `soft` needs nothing of the device and stays underneath the others as the safety net.
#pragma once

#include "slb.h"

#include <stdbool.h>

// What is known of a port when its method is chosen.
struct steer_port {
	uint16_t dpdk_id;
	uint16_t n_workers;
	uint16_t n_queues; // rx queues, each read by the worker of the same number
	bool distrust_spread; // configured: do not rely on the device to spread clients
	bool device_spreads; // RSS, or a kernel that keeps a flow on its queue
};

struct steer_choice {
	uint8_t method; // enum slb_steer
	uint8_t spread; // enum slb_spread
	char reason[SLB_TEXT_LEN]; // why no better one
};

struct steer_ops {
	const char *name;
	uint8_t method;
	// Can this port use the method? If not, says why in `reason`, SLB_TEXT_LEN long.
	bool (*probe)(const struct steer_port *port, char *reason);
};

extern const struct steer_ops steer_single;
extern const struct steer_ops steer_soft;

// The first method in order of preference that the port can use. Always finds one.
void steer_choose(const struct steer_port *port, struct steer_choice *choice);
