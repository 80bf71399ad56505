// SPDX-License-Identifier: BSD-3-Clause
// Rules in a port's device: what is sent to a local address goes to the queue of the worker that has it.
#pragma once

#include "slb.h"
#include "steer/nic.h"

#include <stdbool.h>

struct steer_port;
struct steer_text;

struct flow_rule {
	uint16_t laddr; // index into the configuration's
	uint8_t shape; // enum slb_rule_shape
	struct rte_flow *handle;
};

struct flow_rules {
	const struct nic_ops *nic;
	uint16_t dpdk_id;
	bool counted; // the device counts each rule's packets
	bool has[SLB_MAX_LADDRS]; // all the rules that the local address needs
	uint16_t n_addresses;
	uint32_t n;
	struct flow_rule rules[];
};

// All rules that the device takes, of an address all or none; NULL: none at all, and nothing is left in the device. Says in `why` what
// keeps addresses from having theirs.
struct flow_rules *flow_install(const struct steer_port *port, struct steer_text *why);

// How many packets a rule has met; false: the device does not say.
bool flow_hits(const struct flow_rules *f, const struct flow_rule *rule, uint64_t *hits);

// Takes all rules back.
void flow_remove(struct flow_rules *f);
