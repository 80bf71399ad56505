// SPDX-License-Identifier: BSD-3-Clause
// DPDK 23.11 renamed what it had called a bond's slaves to members, and kept none of the old names. This is the one place that
// knows: the rest uses the new names without their prefix.
#pragma once

#include <rte_eth_bond.h>
#include <rte_eth_bond_8023ad.h>
#include <rte_version.h>

#if RTE_VERSION >= RTE_VERSION_NUM(23, 11, 0, 0)
#define bond_member_add rte_eth_bond_member_add
#define bond_members_get rte_eth_bond_members_get
#define bond_active_members_get rte_eth_bond_active_members_get
#define bond_lacp_member_info rte_eth_bond_8023ad_member_info
#else
#define bond_member_add rte_eth_bond_slave_add
#define bond_members_get rte_eth_bond_slaves_get
#define bond_active_members_get rte_eth_bond_active_slaves_get
#define bond_lacp_member_info rte_eth_bond_8023ad_slave_info
#endif
