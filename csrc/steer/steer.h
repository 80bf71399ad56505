// SPDX-License-Identifier: BSD-3-Clause
// How a reply finds the worker that owns its session. A method is chosen for each port at start, the best that its device
// can do; `soft` needs nothing of the device and stays underneath the others as the safety net.
#pragma once

#include "base/err.h"
#include "slb.h"

#include <stdbool.h>

struct rss_port;

// What is known of a port when its method is chosen: it is running.
struct steer_port {
	uint16_t dpdk_id;
	uint16_t n_workers;
	uint16_t n_queues; // rx queues, each read by the worker of the same number
	uint8_t steering; // enum slb_steering: what is configured
	bool distrust_spread; // configured: do not rely on the device to spread clients
	bool device_spreads; // RSS, or a kernel that keeps a flow on its queue
	bool local4, local6; // it has local addresses of the family
	uint64_t rss_types; // as rte_eth_rss_conf.rss_hf; 0: it is not configured for RSS
};

struct steer_choice {
	uint8_t method; // enum slb_steer
	uint8_t spread; // enum slb_spread
	char reason[SLB_TEXT_LEN]; // why no better one
	struct rss_port *rss; // of SLB_STEER_RSS_PORT
};

struct steer_ops {
	uint8_t method;
	// Can this port use the method? Says why, or why not, in choice->reason.
	bool (*probe)(const struct steer_port *port, struct steer_choice *choice);
};

extern const struct steer_ops steer_single;
extern const struct steer_ops steer_rss_port;
extern const struct steer_ops steer_soft;

// The first method in order of preference that the port can use. -ENOTSUP with a sentence when that is not
// the one that is configured.
int steer_choose(const struct steer_port *port, struct steer_choice *choice, struct err *e);

// Frees what the choice holds.
void steer_close(struct steer_choice *choice);
