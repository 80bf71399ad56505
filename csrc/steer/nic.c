// SPDX-License-Identifier: BSD-3-Clause

#include "steer/nic.h"

const struct nic_ops nic_dpdk = {
	.info = rte_eth_dev_info_get,
	.hash_get = rte_eth_dev_rss_hash_conf_get,
	.hash_set = rte_eth_dev_rss_hash_update,
	.table_get = rte_eth_dev_rss_reta_query,
	.table_set = rte_eth_dev_rss_reta_update,
	.rule_check = rte_flow_validate,
	.rule_add = rte_flow_create,
	.rule_remove = rte_flow_destroy,
	.rule_query = rte_flow_query,
};
