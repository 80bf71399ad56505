// SPDX-License-Identifier: BSD-3-Clause
// Rules in a port's device: what is sent to an address goes to a receive queue. For a local address it is that of the worker that
// has it.
#pragma once

#include "slb.h"
#include "steer/nic.h"
#include "steer/recipe.h"

#include <stdbool.h>

struct steer_port;
struct steer_text;

struct flow_target {
	struct slb_address to; // family 0: none, so no rules either
	uint16_t queue;
};

struct flow_targets {
	const struct flow_target *list; // copied
	uint16_t n;
	bool all; // of all, or no rules at all; what a driver has no rules for does not count
	const struct flow_rules *beside; // that the device has already; NULL: none
};

struct flow_rule {
	struct slb_address to;
	uint16_t queue;
	uint8_t shape; // enum slb_rule_shape
	bool stuck; // the device was told to take it back, and did not
	struct rte_flow *handle; // NULL: stuck for good
};

struct flow_rules {
	const struct nic_ops *nic;
	uint16_t dpdk_id;
	const struct recipe *recipe;
	bool tagged; // the port's frames have a VLAN tag
	bool counted; // the device counts each rule's packets
	const struct flow_rules *beside; // with which the device's room is shared; NULL: none
	uint16_t n_addresses; // of which each has all that it needs
	uint32_t n_stuck; // of the rules, which take up the device's room all the same
	uint32_t n;
	struct flow_rule rules[SLB_MAX_LADDRS * SHAPES_MAX];
};

// All rules that the device takes, of a target all or none; NULL: none at all, and nothing is left in the device. Says in `why` what
// keeps targets from having theirs.
struct flow_rules *flow_install(
	const struct steer_port *port, const struct flow_targets *targets, struct steer_text *why
);

// Whether it has rules; stuck ones are none.
bool flow_has(const struct flow_rules *f, const struct slb_address *addr);

// Makes the rules of one more target, all or none; false: the device does not take them.
bool flow_add(struct flow_rules *f, const struct flow_target *target);

// Takes the rules of an address back, if it has any. One that the device keeps is stuck: it is tried again whenever rules come or go.
void flow_drop(struct flow_rules *f, const struct slb_address *addr);

// How many packets a rule has met; false: the device does not say.
bool flow_hits(const struct flow_rules *f, const struct flow_rule *rule, uint64_t *hits);

// Takes all rules back.
void flow_remove(struct flow_rules *f);
