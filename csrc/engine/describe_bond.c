// SPDX-License-Identifier: BSD-3-Clause
// What the members of bonds do.

#include "engine/engine.h"
#include "steer/bond_api.h"

#include <rte_ethdev.h>
#include <stdio.h>

enum { CARRIES = STATE_COLLECTING | STATE_DISTRIBUTING };

// Those whose link is up.
static bool is_active(const struct engine_port *port, uint16_t member) {
	uint16_t active[RTE_MAX_ETHPORTS];
	int n = bond_active_members_get(port->dpdk_id, active, RTE_MAX_ETHPORTS);

	for (int i = 0; i < n; i++)
		if (active[i] == member)
			return true;
	return false;
}

static uint8_t state_of(
	const struct slb_bond_config *config, const struct engine_port *port, uint16_t member
) {
	struct bond_lacp_member_info lacp;

	if (!is_active(port, member))
		return SLB_MEMBER_DOWN;
	if (config->mode == SLB_BOND_ACTIVE_BACKUP)
		return rte_eth_bond_primary_get(port->dpdk_id) == member ? SLB_MEMBER_ACTIVE
									 : SLB_MEMBER_STANDBY;
	if (config->mode == SLB_BOND_BALANCE_XOR)
		return SLB_MEMBER_ACTIVE;
	if (bond_lacp_member_info(port->dpdk_id, member, &lacp) != 0)
		return SLB_MEMBER_DOWN;
	return (lacp.actor_state & CARRIES) == CARRIES ? SLB_MEMBER_ACTIVE : SLB_MEMBER_WAITING;
}

static void describe(
	const struct engine *g, uint16_t port, uint16_t i, struct slb_member_info *info
) {
	const struct device *member = &g->ports[port].bond.members[i];
	struct rte_eth_dev_info device;
	struct rte_eth_stats stats;
	struct rte_eth_link link;

	*info = (struct slb_member_info){
		.port = port,
		.state = state_of(&g->config.ports[port].bond, &g->ports[port], member->dpdk_id),
	};
	snprintf(info->device, sizeof(info->device), "%s", member->name);
	if (rte_eth_dev_info_get(member->dpdk_id, &device) == 0)
		snprintf(info->driver, sizeof(info->driver), "%s", device.driver_name);
	if (rte_eth_link_get_nowait(member->dpdk_id, &link) == 0) {
		info->link = link.link_status == RTE_ETH_LINK_UP ? SLB_LINK_UP : SLB_LINK_DOWN;
		info->speed_mbps =
			link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed;
	}
	if (rte_eth_stats_get(member->dpdk_id, &stats) == 0) {
		info->rx_packets = stats.ipackets;
		info->rx_bytes = stats.ibytes;
		info->tx_packets = stats.opackets;
		info->tx_bytes = stats.obytes;
		info->lost = stats.imissed + stats.rx_nombuf + stats.ierrors + stats.oerrors;
	}
}

int members_describe(const struct engine *g, struct slb_member_info *out, uint32_t cap) {
	uint32_t n = 0;

	for (uint16_t port = 0; port < g->config.n_ports; port++)
		for (uint16_t i = 0; i < g->ports[port].bond.n; i++, n++)
			if (n < cap)
				describe(g, port, i, &out[n]);
	return (int)n;
}
