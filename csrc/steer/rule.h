// SPDX-License-Identifier: BSD-3-Clause
// One rule in the words of rte_flow: what is sent to an address, and is of a shape, goes to a receive queue.
#pragma once

#include "slb.h"
#include "steer/recipe.h"

#include <rte_flow.h>
#include <stdbool.h>

enum { RULE_ITEMS = 5, RULE_ACTIONS = 3 };

// Refers to itself: not to be copied.
struct rule {
	struct rte_flow_attr attr;
	struct rte_flow_item items[RULE_ITEMS];
	struct rte_flow_action actions[RULE_ACTIONS];
	union {
		struct rte_flow_item_ipv4 v4;
		struct rte_flow_item_ipv6 v6;
	} spec, last, mask;
	struct rte_flow_action_queue queue;
	struct rte_flow_action_count count;
};

// `tagged`: the port's frames have a VLAN tag; `counted`: the device shall count the rule's packets.
void rule_write(
	struct rule *r, const struct slb_address *to, enum slb_rule_shape shape, uint16_t queue,
	bool tagged, bool counted
);
