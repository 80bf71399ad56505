// SPDX-License-Identifier: BSD-3-Clause
// A receive queue for the KNI core alone: the device's rules bring there what is for routers and for the port's own addresses, and
// RSS brings nothing. So a flood of clients, which fills the workers' queues, does not cost the host its OSPF.
#pragma once

#include "slb.h"
#include "steer/flow.h"

#include <rte_ethdev.h>
#include <stdbool.h>

struct steer_port;
struct steer_text;

enum { KNI_NO_QUEUE = UINT16_MAX };

struct kni_queue {
	uint16_t queue; // behind the workers', or KNI_NO_QUEUE
	struct flow_rules *rules;
	char reason[SLB_TEXT_LEN]; // why there is none, or what it is without; "": nothing to say
};

// Whether a port is to have one, if its device can.
bool kni_queue_wanted(const struct slb_port_config *config);

// Gives the port the queue if it is wanted and the device has one more than there are workers, and `rss_types` to keep clients out of it
// by. Before the device is configured.
void kni_queue_choose(
	struct kni_queue *k, const struct slb_port_config *config,
	const struct rte_eth_dev_info *info, uint64_t rss_types, uint16_t n_workers
);

// On a running device: RSS is told to leave the queue out, and the rules are made, all or none. False: the port has no such queue any
// more, nothing is left of it in the device, which must be configured anew without.
bool kni_queue_open(
	struct kni_queue *k, const struct steer_port *port, const struct slb_port_config *config
);

// Adds the reason.
void kni_queue_say(const struct kni_queue *k, struct steer_text *to);

// Takes the rules back.
void kni_queue_close(struct kni_queue *k);
