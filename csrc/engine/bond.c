// SPDX-License-Identifier: BSD-3-Clause
// Ports that are bonds: DPDK's bonding driver over devices that are opened before it. It follows the members' links by itself, on
// EAL's interrupt thread, and there runs LACP; all others see one device.

#include "engine/engine.h"

#include "base/log.h"
#include "steer/bond_api.h"

#include <errno.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <string.h>

static const uint8_t MODES[SLB_BOND_COUNT] = {
	[SLB_BOND_ACTIVE_BACKUP] = BONDING_MODE_ACTIVE_BACKUP,
	[SLB_BOND_BALANCE_XOR] = BONDING_MODE_BALANCE,
	[SLB_BOND_LACP] = BONDING_MODE_8023AD,
};

static const uint8_t XMIT[SLB_BOND_POLICY_COUNT] = {
	[SLB_BOND_L2] = BALANCE_XMIT_POLICY_LAYER2,
	[SLB_BOND_L23] = BALANCE_XMIT_POLICY_LAYER23,
	[SLB_BOND_L34] = BALANCE_XMIT_POLICY_LAYER34,
};

static int refused(const struct slb_port_config *config, const char *what, struct err *e) {
	const char *log = log_first_line();

	return err_set(
		e, EIO, "port %s: %s: %s", config->name, what,
		log[0] != '\0' ? log : "the bonding driver refuses"
	);
}

// Before a member is added, since the driver keeps what it had then for the time that it is not in use. So they have one MAC
// whatever happens: with a primary that is back the driver forgets to give it the bond's.
static int give_mac(
	const struct engine_port *port, const struct slb_port_config *config, struct err *e
) {
	static const uint8_t NONE[6];
	struct rte_ether_addr mac;
	int rc = 0;

	memcpy(&mac, config->mac, sizeof(mac));
	if (memcmp(config->mac, NONE, sizeof(NONE)) == 0)
		rc = rte_eth_macaddr_get(port->bond.members[0].dpdk_id, &mac);
	for (uint16_t i = 0; rc == 0 && i < port->bond.n; i++)
		rc = rte_eth_dev_default_mac_addr_set(port->bond.members[i].dpdk_id, &mac);
	// Kept by the bond, which would otherwise take the primary's anew.
	if (rc == 0 && rte_eth_bond_mac_address_set(port->dpdk_id, &mac) != 0)
		rc = -EIO;
	return rc == 0 ? 0 : refused(config, "the members cannot have one MAC", e);
}

// The driver polls the links of devices that do not say to tell of them. net_tap says so, and never does; and as polling costs
// next to nothing where the link is the kernel's, no virtual device is taken at its word.
static void poll_link(const struct device *member) {
	struct rte_eth_dev_info info;

	if (member->vdev && rte_eth_dev_info_get(member->dpdk_id, &info) == 0)
		*(uint32_t *)(uintptr_t)info.dev_flags &= ~RTE_ETH_DEV_INTR_LSC;
}

static int add_member(
	const struct engine_port *port, const struct slb_port_config *config, uint16_t i,
	struct err *e
) {
	char what[SLB_TEXT_LEN];

	poll_link(&port->bond.members[i]);
	log_step();
	if (bond_member_add(port->dpdk_id, port->bond.members[i].dpdk_id) == 0)
		return 0;
	snprintf(
		what, sizeof(what), "%s cannot be a member of its bond", port->bond.members[i].name
	);
	return refused(config, what, e);
}

static int set_up(
	const struct engine_port *port, const struct slb_port_config *config, struct err *e
) {
	const struct slb_bond_config *bond = &config->bond;

	log_step();
	if (bond->mode != SLB_BOND_ACTIVE_BACKUP
	    && rte_eth_bond_xmit_policy_set(port->dpdk_id, XMIT[bond->policy]) != 0)
		return refused(config, "the bond's policy", e);
	if (bond->primary != SLB_BOND_NO_PRIMARY
	    && rte_eth_bond_primary_set(port->dpdk_id, port->bond.members[bond->primary].dpdk_id)
		    != 0)
		return refused(config, "the bond's primary", e);
	if (bond->dedicated_queues
	    && rte_eth_bond_8023ad_dedicated_queues_enable(port->dpdk_id) != 0)
		return refused(
			config,
			"a member's device has no queue and rule for LACP's frames alone; set "
			"bond.dedicated_queues: false",
			e
		);
	return 0;
}

static void note_standby(struct engine_port *port) {
	struct standby *s = &port->bond.standby;

	s->bond = port->dpdk_id;
	s->n = port->bond.n;
	for (uint16_t i = 0; i < s->n; i++)
		s->members[i] = port->bond.members[i].dpdk_id;
}

int bond_open(struct engine *g, uint16_t number, struct err *e) {
	const struct slb_port_config *config = &g->config.ports[number];
	struct engine_port *port = &g->ports[number];
	struct bond *bond = &port->bond;
	int socket = rte_eth_dev_socket_id(bond->members[0].dpdk_id);
	int rc;

	bond->lacp = config->bond.mode == SLB_BOND_LACP;
	snprintf(bond->name, sizeof(bond->name), "net_bonding_slb%u", number);
	log_step();
	rc = rte_eth_bond_create(
		bond->name, MODES[config->bond.mode], (uint8_t)(socket < 0 ? 0 : socket)
	);
	if (rc < 0)
		return refused(config, "its bond cannot be made", e);
	bond->made = true;
	port->dpdk_id = (uint16_t)rc;
	log_step();
	rc = give_mac(port, config, e);
	for (uint16_t i = 0; rc == 0 && i < bond->n; i++)
		rc = add_member(port, config, i, e);
	if (config->bond.mode == SLB_BOND_ACTIVE_BACKUP)
		note_standby(port);
	return rc == 0 ? set_up(port, config, e) : rc;
}

// The driver does so for the member in use, and for the next one not always.
void bond_take_multicast(const struct engine_port *port) {
	for (uint16_t i = 0; i < port->bond.n; i++)
		rte_eth_allmulticast_enable(port->bond.members[i].dpdk_id);
}

void bond_close(struct engine_port *port) {
	struct bond *bond = &port->bond;

	if (bond->made) {
		rte_eth_dev_stop(port->dpdk_id);
		// Which lets go of the members.
		rte_eth_dev_close(port->dpdk_id);
		rte_eth_bond_free(bond->name);
	}
	for (uint16_t i = bond->n; i-- > 0;)
		device_close(&bond->members[i]);
	bond->made = false;
	bond->n = 0;
}

int bond_check_memory(
	const struct engine_port *port, const struct slb_port_config *config, struct err *e
) {
	struct rte_mempool *tried[SLB_MAX_MEMBERS] = {0};
	uint32_t each = (uint32_t)port->n_tx * config->tx_desc + LACP_SPARE_MBUFS;
	bool ok = true;

	for (uint16_t i = 0; port->bond.lacp && ok && i < port->bond.n; i++) {
		char name[RTE_MEMPOOL_NAMESIZE];
		snprintf(name, sizeof(name), "lacp_%u_%u", port->dpdk_id, i);
		tried[i] = rte_pktmbuf_pool_create(
			name, each, 0, 0, LACP_MBUF_BYTES - sizeof(struct rte_mbuf), port->socket
		);
		ok = tried[i] != NULL;
	}
	for (uint16_t i = 0; i < port->bond.n; i++)
		rte_mempool_free(tried[i]);
	if (ok)
		return 0;
	return err_set(
		e, ENOMEM,
		"port %s: no memory for LACP's frames on NUMA node %d; raise engine.memory_mb, or "
		"lower tx_descriptors",
		config->name, port->socket
	);
}
