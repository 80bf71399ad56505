// SPDX-License-Identifier: BSD-3-Clause
// A bond as a NIC. Its driver passes rules and RSS on to the members, but answers from what it was told itself; what counts is what
// each member does, since any of them may bring a packet.

#include "steer/nic.h"

#include "steer/bond_api.h"
#include "steer/reta.h"

#include <errno.h>
#include <string.h>

enum { KEY_MAX = 64 };

struct members {
	uint16_t n;
	uint16_t ids[RTE_MAX_ETHPORTS];
};

static int read_members(uint16_t bond, struct members *m) {
	int n = bond_members_get(bond, m->ids, RTE_MAX_ETHPORTS);

	m->n = n > 0 ? (uint16_t)n : 0;
	return n > 0 ? 0 : -ENODEV;
}

// A member that cannot say what it hashes by is believed to do as it was told.
static int check_hash(uint16_t member, struct rte_eth_rss_conf *bond) {
	uint8_t key[KEY_MAX] = {0};
	struct rte_eth_rss_conf conf = {.rss_key = key, .rss_key_len = sizeof(key)};
	struct rte_eth_dev_info info;

	if (rte_eth_dev_info_get(member, &info) != 0 || bond->rss_key_len > sizeof(key))
		return -EIO;
	if (info.hash_key_size != 0)
		conf.rss_key_len = info.hash_key_size;
	if (conf.rss_key_len > sizeof(key) || rte_eth_dev_rss_hash_conf_get(member, &conf) != 0)
		return 0;
	bond->rss_hf &= conf.rss_hf;
	return bond->rss_key == NULL || memcmp(key, bond->rss_key, bond->rss_key_len) == 0 ? 0
											   : -EIO;
}

static int hash_get(uint16_t bond, struct rte_eth_rss_conf *conf) {
	struct members m;
	int rc = rte_eth_dev_rss_hash_conf_get(bond, conf);

	if (rc == 0)
		rc = read_members(bond, &m);
	for (uint16_t i = 0; rc == 0 && i < m.n; i++)
		rc = check_hash(m.ids[i], conf);
	return rc;
}

static int hash_set(uint16_t bond, struct rte_eth_rss_conf *conf) {
	struct rte_eth_rss_conf set = *conf;
	int rc = rte_eth_dev_rss_hash_update(bond, conf);

	return rc == 0 ? hash_get(bond, &set) : rc;
}

// A longer table is the bond's several times over.
static int check_table(uint16_t member, struct reta *bond, uint16_t n) {
	struct rte_eth_dev_info info;
	struct reta own;

	if (rte_eth_dev_info_get(member, &info) != 0 || n == 0 || info.reta_size < n
	    || info.reta_size % n != 0 || info.reta_size > RETA_MAX)
		return -EIO;
	if (reta_read(&nic_dpdk, member, &own, info.reta_size) != 0)
		return 0;
	for (uint32_t i = 0; i < info.reta_size; i++)
		if (*reta_place(&own, i) != *reta_place(bond, i % n))
			return -EIO;
	return 0;
}

static int check_tables(uint16_t bond, struct rte_eth_rss_reta_entry64 *groups, uint16_t n) {
	struct reta table;
	struct members m;
	int rc = read_members(bond, &m);

	memcpy(table.groups, groups,
	       (n + RTE_ETH_RETA_GROUP_SIZE - 1u) / RTE_ETH_RETA_GROUP_SIZE * sizeof(*groups));
	for (uint16_t i = 0; rc == 0 && i < m.n; i++)
		rc = check_table(m.ids[i], &table, n);
	return rc;
}

static int table_get(uint16_t bond, struct rte_eth_rss_reta_entry64 *groups, uint16_t n) {
	int rc = rte_eth_dev_rss_reta_query(bond, groups, n);

	return rc == 0 ? check_tables(bond, groups, n) : rc;
}

static int table_set(uint16_t bond, struct rte_eth_rss_reta_entry64 *groups, uint16_t n) {
	int rc = rte_eth_dev_rss_reta_update(bond, groups, n);

	return rc == 0 ? check_tables(bond, groups, n) : rc;
}

// Rules are written for one driver's ways.
static bool same_driver(uint16_t bond) {
	struct rte_eth_dev_info first, other;
	struct members m;

	if (read_members(bond, &m) != 0 || rte_eth_dev_info_get(m.ids[0], &first) != 0)
		return false;
	for (uint16_t i = 1; i < m.n; i++)
		if (rte_eth_dev_info_get(m.ids[i], &other) != 0
		    || strcmp(first.driver_name, other.driver_name) != 0)
			return false;
	return true;
}

static int rule_check(
	uint16_t bond, const struct rte_flow_attr *attr, const struct rte_flow_item *items,
	const struct rte_flow_action *actions, struct rte_flow_error *error
) {
	if (!same_driver(bond))
		return rte_flow_error_set(
			error, ENOTSUP, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
			"the bond's members have different drivers"
		);
	return rte_flow_validate(bond, attr, items, actions, error);
}

// The driver forgets its rule though a member may have kept its own.
static int rule_remove(uint16_t bond, struct rte_flow *rule, struct rte_flow_error *error) {
	return rte_flow_destroy(bond, rule, error) == 0 ? 0 : -ESTALE;
}

const struct nic_ops nic_bond = {
	.info = rte_eth_dev_info_get,
	.hash_get = hash_get,
	.hash_set = hash_set,
	.table_get = table_get,
	.table_set = table_set,
	.rule_check = rule_check,
	.rule_add = rte_flow_create,
	.rule_remove = rule_remove,
	.rule_query = rte_flow_query,
};

bool nic_bond_hashes_alike(uint16_t bond) {
	struct rte_eth_rss_conf conf = {0};
	struct rte_eth_dev_info info;
	uint8_t key[KEY_MAX];
	struct reta table;

	if (rte_eth_dev_info_get(bond, &info) != 0 || info.reta_size == 0
	    || info.reta_size > RETA_MAX)
		return false;
	conf.rss_key = key;
	conf.rss_key_len = sizeof(key);
	return hash_get(bond, &conf) == 0
		&& reta_read(&nic_bond, bond, &table, info.reta_size) == 0;
}
