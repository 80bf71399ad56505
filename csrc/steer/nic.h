// SPDX-License-Identifier: BSD-3-Clause
// What steering asks of a port's device. These are DPDK's own calls, or those of a model of a NIC, for tests.
#pragma once

#include <rte_ethdev.h>
#include <rte_flow.h>
#include <stdbool.h>

struct nic_ops {
	int (*info)(uint16_t id, struct rte_eth_dev_info *info);
	int (*hash_get)(uint16_t id, struct rte_eth_rss_conf *conf);
	int (*hash_set)(uint16_t id, struct rte_eth_rss_conf *conf);
	int (*table_get)(uint16_t id, struct rte_eth_rss_reta_entry64 *table, uint16_t n);
	int (*table_set)(uint16_t id, struct rte_eth_rss_reta_entry64 *table, uint16_t n);
	int (*rule_check)(
		uint16_t id, const struct rte_flow_attr *attr, const struct rte_flow_item *items,
		const struct rte_flow_action *actions, struct rte_flow_error *error
	);
	// NULL with rte_errno.
	struct rte_flow *(*rule_add)(
		uint16_t id, const struct rte_flow_attr *attr, const struct rte_flow_item *items,
		const struct rte_flow_action *actions, struct rte_flow_error *error
	);
	// -ESTALE: the device keeps it, and the handle is gone.
	int (*rule_remove)(uint16_t id, struct rte_flow *rule, struct rte_flow_error *error);
	int (*rule_query)(
		uint16_t id, struct rte_flow *rule, const struct rte_flow_action *action,
		void *data, struct rte_flow_error *error
	);
};

extern const struct nic_ops nic_dpdk;

// Those of a bond, which refuse what its members do not do alike.
extern const struct nic_ops nic_bond;

// Whether a bond's members bring the packets of a flow to the same queue, as far as they say.
bool nic_bond_hashes_alike(uint16_t bond);
