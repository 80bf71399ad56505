// SPDX-License-Identifier: BSD-3-Clause

#include "engine/engine.h"

#include "base/log.h"

#include <errno.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>
#include <stdio.h>
#include <string.h>

// Virtual devices whose queues each keep a flow: the kernel hashes flows over them.
static const char *const FLOW_KEEPING[] = {"net_tap", "net_af_packet"};

#define RSS_TYPES (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP)

static bool keeps_flows(const char *driver) {
	for (size_t i = 0; i < sizeof(FLOW_KEEPING) / sizeof(FLOW_KEEPING[0]); i++)
		if (strcmp(driver, FLOW_KEEPING[i]) == 0)
			return true;
	return false;
}

// The first thing the driver said in the step that failed is why.
static int no_device(const struct engine *g, uint16_t number, int rc, struct err *e) {
	const struct slb_port_config *config = &g->config.ports[number];
	const char *log = log_first_line();

	return err_set(
		e, rc < 0 ? -rc : ENODEV, "port %s: device %s: %s", config->name,
		g->ports[number].bond.n > 0 ? g->ports[number].bond.name : config->device,
		log[0] != '\0' ? log : "no such device, or no driver for it"
	);
}

static const char *configured(const struct slb_port_config *config, uint16_t i) {
	return config->bond.mode == SLB_BOND_NONE ? config->device : config->bond.members[i];
}

static struct device *device_at(struct engine_port *port, uint16_t i) {
	return port->bond.n > 0 ? &port->bond.members[i] : &port->device;
}

static int is_free(struct engine *g, uint16_t number, uint16_t i, const char *name, struct err *e) {
	for (uint16_t p = 0; p <= number; p++)
		for (uint16_t k = 0; k < (p < number ? port_devices(&g->ports[p]) : i); k++)
			if (strcmp(device_at(&g->ports[p], k)->name, name) == 0)
				return err_set(
					e, EEXIST, "port %s: device %s is port %s's already",
					g->config.ports[number].name, name, g->config.ports[p].name
				);
	return 0;
}

static int probe_one(struct engine *g, uint16_t number, uint16_t i, struct err *e) {
	const struct slb_port_config *config = &g->config.ports[number];
	struct engine_port *port = &g->ports[number];
	struct device *device = device_at(port, i);
	char where[64], name[DEVICE_NAME_LEN];
	bool pci;
	int rc;

	if (strcspn(configured(config, i), ",") >= DEVICE_NAME_LEN)
		return err_set(e, EINVAL, "port %s: device name too long", config->name);
	pci = device_name(configured(config, i), name);
	rc = is_free(g, number, i, name, e);
	if (rc != 0)
		return rc;
	if (port->bond.n > 0)
		snprintf(where, sizeof(where), "ports[%u].members[%u]", number, i);
	else if (pci)
		snprintf(where, sizeof(where), "ports[%u].device", number);
	else
		snprintf(where, sizeof(where), "port %s: device", config->name);
	rc = device_open(device, configured(config, i), where, e);
	port->is_virtual &= !pci;
	return rc;
}

static int probe(struct engine *g, uint16_t number, struct err *e) {
	struct engine_port *port = &g->ports[number];
	int rc = 0;

	port->bond.n = g->config.ports[number].bond.n_members;
	port->is_virtual = true;
	for (uint16_t i = 0; rc == 0 && i < port_devices(port); i++)
		rc = probe_one(g, number, i, e);
	if (rc != 0)
		return rc;
	if (port->bond.n > 0)
		return bond_open(g, number, e);
	port->dpdk_id = port->device.dpdk_id;
	return 0;
}

static uint16_t queues(uint16_t wanted, uint16_t limit, uint16_t device_max) {
	if (limit != 0 && wanted > limit)
		wanted = limit;
	return wanted < device_max ? wanted : device_max;
}

// IPv4 headers are checked on receipt. TCP and UDP are not: a device that shares memory with the sender, as virtio does, would
// then deliver packets whose checksum is not made yet. UDP checksums are made by the device when one is made at all.
static void choose_offloads(
	struct engine_port *port, uint8_t wanted, const struct rte_eth_dev_info *info,
	struct rte_eth_conf *conf
) {
	bool use = wanted == SLB_OFFLOAD_ON || (wanted == SLB_OFFLOAD_AUTO && !port->is_virtual);

	port->rx_checksum = use && (info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM) != 0;
	port->tx_checksum = use && (info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_UDP_CKSUM) != 0;
	if (port->rx_checksum)
		conf->rxmode.offloads |= RTE_ETH_RX_OFFLOAD_IPV4_CKSUM;
	if (port->tx_checksum)
		conf->txmode.offloads |= RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
}

// Those of the workers and, behind them, that of the KNI core.
static uint16_t all_rx(const struct engine_port *port) {
	return port->n_rx + (port->kni.queue != KNI_NO_QUEUE);
}

// What a configuration that names its memory had room for before must still fit.
static void choose_kni_queue(
	struct engine *g, uint16_t number, const struct rte_eth_dev_info *info, uint64_t rss_types
) {
	struct kni_queue *kni = &g->ports[number].kni;
	uint32_t needed = memory_needed_mb(&g->config);

	kni_queue_choose(kni, &g->config.ports[number], info, rss_types, g->config.n_workers);
	if (kni->queue == KNI_NO_QUEUE || g->config.memory_mb == 0 || g->config.memory_mb >= needed)
		return;
	kni->queue = KNI_NO_QUEUE;
	snprintf(
		kni->reason, sizeof(kni->reason), "engine.memory_mb is %u, and %u are needed",
		g->config.memory_mb, needed
	);
}

static int configure(struct engine *g, uint16_t number, bool kni_queue, struct err *e) {
	const struct slb_port_config *config = &g->config.ports[number];
	struct engine_port *port = &g->ports[number];
	struct rte_eth_conf conf = {0};
	struct rte_eth_dev_info info;
	uint64_t rss_types;
	int rc;

	log_step();
	rc = rte_eth_dev_info_get(port->dpdk_id, &info);
	if (rc != 0)
		return no_device(g, number, rc, e);
	snprintf(port->driver, sizeof(port->driver), "%s", info.driver_name);
	port->if_index = info.if_index;
	port->socket = rte_eth_dev_socket_id(port->dpdk_id);
	if (port->socket < 0)
		port->socket = 0;
	port->n_rx = queues(g->config.n_workers, config->max_queues, info.max_rx_queues);
	port->n_tx = queues(g->config.n_workers, config->max_queues, info.max_tx_queues);
	if (port->n_rx == 0 || port->n_tx == 0)
		return err_set(
			e, EINVAL,
			"port %s: device %s has %u receive and %u transmit queues; both are "
			"needed",
			config->name, config->device, info.max_rx_queues, info.max_tx_queues
		);
	rss_types = info.reta_size > 0 ? info.flow_type_rss_offloads & RSS_TYPES : 0;
	if (kni_queue)
		choose_kni_queue(g, number, &info, rss_types);
	port->rss_types = all_rx(port) > 1 ? rss_types : 0;
	conf.rx_adv_conf.rss_conf.rss_hf = port->rss_types;
	if (port->rss_types != 0)
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf.rxmode.mtu = config->mtu;
	choose_offloads(port, config->checksum_offload, &info, &conf);
	rc = rte_eth_dev_configure(port->dpdk_id, all_rx(port), port->n_tx, &conf);
	return rc == 0 ? 0 : no_device(g, number, rc, e);
}

// Receive queues are filled to the last descriptor, transmit queues let go of what they have sent only when they are full,
// every core keeps a few of its own, and a worker the fragments that wait: fewer buffers than that, and one day none is left
// to receive with.
static int check_mbufs(
	struct engine *g, uint16_t number, uint16_t rx_desc, uint16_t tx_desc, struct err *e
) {
	struct engine_port *port = &g->ports[number];
	uint32_t needed = POOL_CACHE * (g->config.n_workers + 1u)
		+ (SPARE_MAX + g->config.frag_held) * g->config.n_workers;

	port->mbufs = (uint32_t)port->n_rx * rx_desc + (uint32_t)port->n_tx * tx_desc;
	port->mbufs *= port_devices(port);
	if (g->config.ports[number].kni_kind == SLB_KNI_VHOST)
		port->mbufs += 2 * KNI_DESC;
	if (g->config.ports[number].kni_kind == SLB_KNI_TAP)
		port->mbufs += KNI_BURST;
	for (uint16_t i = 0; i <= number; i++)
		if (g->ports[i].socket == port->socket)
			needed += g->ports[i].mbufs;
	if (g->config.mbufs >= needed)
		return 0;
	return err_set(
		e, EINVAL,
		"port %s: engine.mbufs: %u are too few, the queues and cores on NUMA node %d hold "
		"%u; raise it, or lower the descriptors",
		g->config.ports[number].name, g->config.mbufs, port->socket, needed
	);
}

// A real device is told to drop what a queue has no room for: ixgbe's would otherwise let no other queue have its packets either.
static int set_up_rx_queue(
	const struct engine_port *port, uint16_t queue, uint16_t rx_desc, struct rte_mempool *pool
) {
	struct rte_eth_dev_info info;
	int rc = rte_eth_dev_info_get(port->dpdk_id, &info);

	if (rc != 0)
		return rc;
	info.default_rxconf.rx_drop_en |= !port->is_virtual && all_rx(port) > 1;
	return rte_eth_rx_queue_setup(
		port->dpdk_id, queue, rx_desc, (unsigned int)port->socket, &info.default_rxconf,
		pool
	);
}

// With buffers of its own, which no worker can use up.
static int set_up_kni_queue(struct engine *g, uint16_t number, uint16_t rx_desc, struct err *e) {
	struct engine_port *port = &g->ports[number];
	int rc;

	if (port->kni.queue == KNI_NO_QUEUE)
		return 0;
	port->kni_pool = kni_pool_new(g, number, rx_desc);
	if (port->kni_pool == NULL)
		return err_set(
			e, ENOMEM,
			"port %s: no memory for the KNI core's mbufs on NUMA node %d; raise "
			"engine.memory_mb, or set steering to rss-port or soft",
			g->config.ports[number].name, port->socket
		);
	log_step();
	rc = set_up_rx_queue(port, port->kni.queue, rx_desc, port->kni_pool);
	return rc == 0 ? 0 : no_device(g, number, rc, e);
}

static int set_up_queues(struct engine *g, uint16_t number, struct err *e) {
	const struct slb_port_config *config = &g->config.ports[number];
	struct engine_port *port = &g->ports[number];
	uint16_t rx_desc = config->rx_desc, tx_desc = config->tx_desc;
	struct rte_mempool *pool;
	int rc;

	rte_eth_dev_adjust_nb_rx_tx_desc(port->dpdk_id, &rx_desc, &tx_desc);
	rc = check_mbufs(g, number, rx_desc, tx_desc, e);
	if (rc != 0)
		return rc;
	pool = pool_of(g, port->socket);
	if (pool == NULL)
		return err_set(
			e, ENOMEM,
			"no memory for %u mbufs on NUMA node %d; lower engine.mbufs or raise "
			"engine.memory_mb",
			g->config.mbufs, port->socket
		);
	log_step();
	for (uint16_t q = 0; rc == 0 && q < port->n_rx; q++)
		rc = set_up_rx_queue(port, q, rx_desc, pool);
	for (uint16_t q = 0; rc == 0 && q < port->n_tx; q++)
		rc = rte_eth_tx_queue_setup(
			port->dpdk_id, q, tx_desc, (unsigned int)port->socket, NULL
		);
	return rc == 0 ? set_up_kni_queue(g, number, rx_desc, e) : no_device(g, number, rc, e);
}

static int set_mac(struct engine_port *port, const struct slb_port_config *config, struct err *e) {
	static const uint8_t NONE[6];
	struct rte_ether_addr mac;
	int rc = 0;

	if (port->bond.n == 0 && memcmp(config->mac, NONE, sizeof(NONE)) != 0) {
		memcpy(&mac, config->mac, sizeof(mac));
		rc = rte_eth_dev_default_mac_addr_set(port->dpdk_id, &mac);
	}
	if (rc == 0)
		rc = rte_eth_macaddr_get(port->dpdk_id, &mac);
	if (rc != 0)
		return err_set(e, -rc, "port %s: its MAC address cannot be set", config->name);
	memcpy(port->mac, &mac, sizeof(port->mac));
	return 0;
}

int ports_open(struct engine *g, struct err *e) {
	int rc = 0;

	for (uint16_t i = 0; rc == 0 && i < g->config.n_ports; i++) {
		rc = probe(g, i, e);
		if (rc == 0)
			rc = configure(g, i, true, e);
		if (rc == 0)
			rc = set_up_queues(g, i, e);
		if (rc == 0)
			rc = set_mac(&g->ports[i], &g->config.ports[i], e);
	}
	return rc;
}

static int start(struct engine *g, uint16_t number, struct err *e) {
	struct engine_port *port = &g->ports[number];
	int rc = bond_check_memory(port, &g->config.ports[number], e);

	if (rc != 0)
		return rc;
	log_step();
	rc = rte_eth_dev_start(port->dpdk_id);
	if (rc != 0)
		return no_device(g, number, rc, e);
	// OSPF is sent to multicast addresses; a device that cannot choose takes them all anyway.
	rte_eth_allmulticast_enable(port->dpdk_id);
	bond_take_multicast(port);
	return 0;
}

// A flow comes by any member of a bond, and must come to the same queue. The kernel's hash does not promise that.
static bool device_spreads(const struct engine_port *port) {
	if (port->bond.n > 0)
		return port->rss_types != 0 && nic_bond_hashes_alike(port->dpdk_id);
	return port->rss_types != 0 || keeps_flows(port->driver);
}

// Rules are for the driver that has them in the end.
static const char *ruled_by(const struct engine_port *port) {
	struct rte_eth_dev_info info;

	if (port->bond.n > 0 && rte_eth_dev_info_get(port->bond.members[0].dpdk_id, &info) == 0)
		return info.driver_name;
	return port->driver;
}

static struct steer_port facts_of(const struct engine *g, uint16_t number) {
	const struct slb_port_config *config = &g->config.ports[number];
	const struct engine_port *port = &g->ports[number];

	return (struct steer_port){
		.nic = port->bond.n > 0 ? &nic_bond : &nic_dpdk,
		.dpdk_id = port->dpdk_id,
		.number = number,
		.driver = ruled_by(port),
		.n_workers = g->config.n_workers,
		.n_active = g->config.n_active,
		.n_queues = port->n_rx,
		.steering = config->steering,
		.distrust_spread = config->spread_hash,
		.device_spreads = device_spreads(port),
		.tagged = config->vlan != 0,
		.rss_types = port->rss_types,
		.laddrs = g->config.laddrs,
		.n_laddrs = g->config.n_laddrs,
		.kni = &port->kni,
	};
}

// Once more, without the KNI core's queue.
static int start_without(struct engine *g, uint16_t number, struct err *e) {
	struct engine_port *port = &g->ports[number];
	int rc = rte_eth_dev_stop(port->dpdk_id);

	if (rc != 0)
		return no_device(g, number, rc, e);
	rc = configure(g, number, false, e);
	if (rc == 0)
		rc = set_up_queues(g, number, e);
	if (rc != 0)
		return rc;
	rte_mempool_free(port->kni_pool);
	port->kni_pool = NULL;
	return start(g, number, e);
}

static int open_kni_queue(struct engine *g, uint16_t number, struct err *e) {
	const struct steer_port facts = facts_of(g, number);
	bool kept = kni_queue_open(&g->ports[number].kni, &facts, &g->config.ports[number]);

	return kept ? 0 : start_without(g, number, e);
}

static int choose_steering(struct engine *g, uint16_t number, struct err *e) {
	const struct slb_port_config *config = &g->config.ports[number];
	struct engine_port *port = &g->ports[number];
	const struct steer_port facts = facts_of(g, number);
	char text[SLB_TEXT_LEN] = "";
	int rc = steer_choose(&facts, &port->steer, &(struct err){text, sizeof(text)});

	if (rc != 0)
		return err_set(
			e, -rc,
			"ports[%u].steering: %s: %s; write auto, and a local address for each "
			"worker",
			number, config->steering == SLB_STEERING_FLOW ? "flow" : "rss-port", text
		);
	return 0;
}

// ---- how many workers its clients are spread over ----

static int plan_share(
	void *arg, uint16_t number, uint16_t n_was, uint16_t n_active, uint32_t *gained,
	struct err *e
) {
	struct engine *g = arg;
	const struct steer_port facts = facts_of(g, number);
	char text[SLB_TEXT_LEN] = "";
	int rc = share_plan(
		&facts, &g->ports[number].steer, n_was, n_active, gained,
		&(struct err){text, sizeof(text)}
	);

	return rc == 0 ? 0 : err_set(e, -rc, "port %s: %s", g->config.ports[number].name, text);
}

static int write_share(void *arg, uint16_t number, struct err *e) {
	struct engine *g = arg;
	const struct steer_port facts = facts_of(g, number);
	char text[SLB_TEXT_LEN] = "";
	int rc = share_write(&facts, &g->ports[number].steer, &(struct err){text, sizeof(text)});

	return rc == 0 ? 0 : err_set(e, -rc, "port %s: %s", g->config.ports[number].name, text);
}

static void share_as_before(void *arg, uint16_t number) {
	struct engine *g = arg;
	const struct steer_port facts = facts_of(g, number);

	share_back(&facts, &g->ports[number].steer);
}

struct port_shares ports_shares(struct engine *g) {
	return (struct port_shares){plan_share, write_share, share_as_before, g};
}

int ports_start(struct engine *g, struct err *e) {
	int rc = 0;

	g->kni.n_ports = g->config.n_ports;
	for (uint16_t i = 0; i < g->config.n_ports; i++)
		g->kni.ports[i] = (struct kni_port){
			.dpdk_id = KNI_NO_PORT, .tap = KNI_NO_TAP, .nic_id = KNI_NO_PORT
		};
	for (uint16_t i = 0; rc == 0 && i < g->config.n_ports; i++) {
		struct engine_port *port = &g->ports[i];
		rc = start(g, i, e);
		if (rc == 0)
			rc = open_kni_queue(g, i, e);
		if (rc == 0)
			rc = choose_steering(g, i, e);
		if (rc == 0)
			rc = kni_port_open(
				&g->kni.ports[i], i, &g->config.ports[i], port->mac,
				pool_of(g, port->socket), e
			);
		if (rc == 0 && port->kni.queue != KNI_NO_QUEUE) {
			kni_port_listen(
				&g->kni.ports[i], &g->config.ports[i], port->dpdk_id,
				port->kni.queue
			);
			g->kni.ports[i].standby = port->bond.standby;
		}
	}
	return rc;
}

void ports_close(struct engine *g) {
	for (uint16_t i = g->kni.n_ports; i-- > 0;)
		kni_port_close(&g->kni.ports[i]);
	for (uint16_t i = g->config.n_ports; i-- > 0;) {
		struct engine_port *port = &g->ports[i];
		steer_close(&port->steer);
		kni_queue_close(&port->kni);
		device_close(&port->device);
		bond_close(port);
		rte_mempool_free(port->kni_pool);
		port->kni_pool = NULL;
	}
}
