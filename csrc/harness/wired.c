// SPDX-License-Identifier: BSD-3-Clause
// Workers with all they have but an lcore: a round is run when asked for, ports are rings in memory, and what leaves a
// worker stays in its ring until a test takes it. So every queue can be made to overflow, with the worker's own code.

#include "slb_harness_c.h"

#include "base/clock.h"
#include "harness/inner.h"
#include "kni/kni.h"
#include "steer/soft.h"
#include "worker/worker.h"

#include <errno.h>
#include <rte_bus_vdev.h>
#include <rte_cycles.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <stdio.h>

enum { RX_RING_SIZE = 1024 };

struct wired_port {
	uint16_t dpdk_id;
	bool made;
	char name[RTE_RING_NAMESIZE];
	uint16_t n_rx, n_tx;
	struct rte_ring *rx[SLB_MAX_WORKERS + 1];
	struct rte_ring *tx[SLB_MAX_WORKERS];
};

struct wired {
	uint16_t n_workers, n_ports, n_tx;
	struct wired_port ports[SLB_MAX_PORTS]; // whose last receive queue is the KNI core's
	struct wired_port kernel[SLB_MAX_PORTS]; // their kernel interfaces
	struct worker *workers[SLB_MAX_WORKERS];
	struct kni kni;
};

static struct wired g;

static struct rte_ring *port_ring(
	const struct wired_port *port, const char *way, uint16_t queue, uint32_t room
) {
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "%.12s_%.2s_%u", port->name, way, queue);
	return rte_ring_create(
		name, room, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ
	);
}

static int start_port(const struct wired_port *port) {
	const struct rte_eth_conf conf = {0};
	int rc = rte_eth_dev_configure(port->dpdk_id, port->n_rx, port->n_tx, &conf);

	// The pool is asked for and never used: what is received was put into the ring.
	for (uint16_t q = 0; rc == 0 && q < port->n_rx; q++)
		rc = rte_eth_rx_queue_setup(
			port->dpdk_id, q, RX_RING_SIZE, 0, NULL, harness_pool()
		);
	for (uint16_t q = 0; rc == 0 && q < port->n_tx; q++)
		rc = rte_eth_tx_queue_setup(port->dpdk_id, q, RX_RING_SIZE, 0, NULL);
	return rc == 0 ? rte_eth_dev_start(port->dpdk_id) : rc;
}

// `kind` and `number` name it; n_rx and n_tx are set.
static int open_port(struct wired_port *port, const char *kind, uint16_t number, uint32_t tx_room) {
	int rc;

	snprintf(port->name, sizeof(port->name), "%.6s%u", kind, number);
	for (uint16_t q = 0; q < port->n_rx; q++)
		if ((port->rx[q] = port_ring(port, "rx", q, RX_RING_SIZE)) == NULL)
			return -ENOMEM;
	for (uint16_t q = 0; q < port->n_tx; q++)
		if ((port->tx[q] = port_ring(port, "tx", q, tx_room)) == NULL)
			return -ENOMEM;
	rc = rte_eth_from_rings(port->name, port->rx, port->n_rx, port->tx, port->n_tx, 0);
	if (rc < 0)
		return rc;
	port->dpdk_id = (uint16_t)rc;
	port->made = true;
	return start_port(port);
}

static int open_ports(uint16_t number, uint32_t tx_room) {
	struct wired_port *nic = &g.ports[number], *kernel = &g.kernel[number];
	int rc;

	nic->n_rx = g.n_workers + 1;
	nic->n_tx = g.n_tx;
	kernel->n_rx = kernel->n_tx = 1;
	rc = open_port(nic, "wired", number, tx_room);
	return rc == 0 ? open_port(kernel, "kernel", number, RX_RING_SIZE) : rc;
}

static void open_kni_port(uint16_t number) {
	const struct slb_port_config *config = &harness_config()->ports[number];
	int queue = harness_kni_queue(number);

	g.kni.ports[number] = (struct kni_port){
		.dpdk_id = g.kernel[number].dpdk_id,
		.tap = KNI_NO_TAP,
		.nic_id = KNI_NO_PORT,
		.pool = harness_pool(),
		.kind = SLB_KNI_VHOST,
		.vlan_be = rte_cpu_to_be_16(config->vlan),
	};
	if (queue >= 0)
		kni_port_listen(
			&g.kni.ports[number], config, g.ports[number].dpdk_id, (uint16_t)queue
		);
}

static int open_kni(void) {
	kni_init(&g.kni, harness_config());
	g.kni.n_ports = g.n_ports;
	g.kni.n_workers = g.n_workers;
	for (uint16_t i = 0; i < g.n_ports; i++)
		open_kni_port(i);
	for (uint16_t id = 0; id < g.n_workers; id++)
		g.kni.punted[id] = g.workers[id]->punt_ring;
	g.kni.to_worker = soft_ring_create("wired_kni", 0, 0, SOCKET_ID_ANY);
	g.workers[0]->from[g.n_workers] = g.kni.to_worker;
	return g.kni.to_worker != NULL ? 0 : -ENOMEM;
}

static struct worker *open_worker(uint16_t id) {
	struct admin *admin = harness_admin();
	struct worker *w = rte_zmalloc("wired", sizeof(*w), 64);

	if (w == NULL)
		return NULL;
	g.workers[id] = w;
	w->core = admin->cores[id];
	w->pool = harness_pool();
	w->inbox.ring = admin->inbox[id];
	w->n_ports = g.n_ports;
	w->n_sources = g.n_workers + 1;
	w->tsc_hz = rte_get_tsc_hz();
	for (uint16_t i = 0; i < g.n_ports; i++)
		w->ports[i] = (struct worker_port){
			.dpdk_id = g.ports[i].dpdk_id,
			.rx_queue = id,
			.tx_queue = id < g.n_tx ? id : NO_QUEUE,
			.tx_via = id % g.n_tx,
			.has_kni = true,
		};
	w->punt_ring = soft_ring_create("wired_punt", id, 0, SOCKET_ID_ANY);
	return w->punt_ring != NULL ? w : NULL;
}

static bool connect_workers(void) {
	bool ok = true;

	for (uint16_t from = 0; from < g.n_workers; from++)
		for (uint16_t to = 0; to < g.n_workers; to++) {
			struct rte_ring *r;
			if (from == to)
				continue;
			r = soft_ring_create("wired_hand", from, to, SOCKET_ID_ANY);
			ok &= r != NULL;
			g.workers[from]->to[to] = r;
			g.workers[to]->from[from] = r;
		}
	return ok;
}

int harness_wire(uint16_t tx_queues, uint32_t tx_room) {
	int rc = 0;

	harness_unwire();
	g.n_workers = harness_admin()->n_workers;
	g.n_ports = harness_admin()->n_ports;
	g.n_tx = tx_queues;
	if (tx_queues == 0 || tx_queues > g.n_workers || tx_room == 0)
		return -EINVAL;
	for (uint16_t i = 0; rc == 0 && i < g.n_ports; i++)
		rc = open_ports(i, tx_room);
	for (uint16_t id = 0; rc == 0 && id < g.n_workers; id++)
		rc = open_worker(id) != NULL ? 0 : -ENOMEM;
	if (rc == 0 && !connect_workers())
		rc = -ENOMEM;
	if (rc == 0)
		rc = open_kni();
	if (rc != 0)
		harness_unwire();
	return rc;
}

void harness_own_set(const struct slb_own_address *own, uint32_t n_own) {
	kni_own_set(&g.kni, own, n_own);
}

static void free_ring(struct rte_ring *ring) {
	struct rte_mbuf *m;

	while (ring != NULL && soft_take(ring, &m, 1) == 1)
		rte_pktmbuf_free(m);
	rte_ring_free(ring);
}

static void close_port(struct wired_port *port) {
	char device[2 * RTE_RING_NAMESIZE];

	if (port->made) {
		rte_eth_dev_stop(port->dpdk_id);
		rte_eth_dev_close(port->dpdk_id);
		snprintf(device, sizeof(device), "net_ring_%s", port->name);
		rte_vdev_uninit(device);
	}
	for (uint16_t q = 0; q < port->n_rx; q++)
		free_ring(port->rx[q]);
	for (uint16_t q = 0; q < port->n_tx; q++)
		free_ring(port->tx[q]);
}

void harness_unwire(void) {
	for (uint16_t id = 0; id < g.n_workers; id++) {
		struct worker *w = g.workers[id];
		if (w == NULL)
			continue;
		for (uint16_t to = 0; to < g.n_workers; to++)
			free_ring(w->to[to]);
		free_ring(w->punt_ring);
		rte_free(w);
	}
	free_ring(g.kni.to_worker);
	for (uint16_t i = 0; i < g.n_ports; i++) {
		close_port(&g.ports[i]);
		close_port(&g.kernel[i]);
	}
	g = (struct wired){0};
}

static int put(struct rte_ring *ring, const struct harness_packet *packet) {
	struct rte_mbuf *m = harness_mbuf(packet);

	if (m == NULL)
		return -ENOMEM;
	if (soft_pass(ring, &m, 1) == 1)
		return 0;
	rte_pktmbuf_free(m);
	return -ENOSPC;
}

static int put_all(
	const struct wired_port *ports, uint16_t queue, const struct harness_packet *packets,
	uint32_t n
) {
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < n; i++)
		rc = packets[i].len > HARNESS_FRAME || packets[i].port >= g.n_ports
			? -EINVAL
			: put(ports[packets[i].port].rx[queue], &packets[i]);
	return rc;
}

int harness_receive(uint16_t worker, const struct harness_packet *packets, uint32_t n) {
	return worker > g.n_workers ? -EINVAL : put_all(g.ports, worker, packets, n);
}

int harness_kernel_sends(const struct harness_packet *packets, uint32_t n) {
	return put_all(g.kernel, 0, packets, n);
}

// The round reads the clock, which the harness alone moves: the TSC at tick 0 that makes it read the tick there is.
static uint64_t tick_base(void) {
	uint64_t hz = rte_get_tsc_hz();

	return rte_rdtsc() - (harness_admin()->cores[0]->now * hz + hz / 2) / TICK_HZ;
}

int harness_round(uint16_t worker) {
	struct worker *w = g.workers[worker < g.n_workers ? worker : 0];

	if (worker >= g.n_workers)
		return -EINVAL;
	w->tick_base = tick_base();
	return worker_round(w);
}

int harness_kni_round(void) {
	if (g.n_ports == 0)
		return -EINVAL;
	g.kni.tick_base = tick_base();
	return kni_round(&g.kni);
}

static int take(struct rte_ring *ring, struct harness_packet *out, uint32_t cap) {
	struct rte_mbuf *m;
	uint32_t n = 0;

	for (; n < cap && soft_take(ring, &m, 1) == 1; n++) {
		harness_frame(&out[n], m);
		rte_pktmbuf_free(m);
	}
	return (int)n;
}

int harness_take_sent(uint16_t port, uint16_t queue, struct harness_packet *out, uint32_t cap) {
	return port < g.n_ports && queue < g.n_tx ? take(g.ports[port].tx[queue], out, cap)
						  : -EINVAL;
}

int harness_take_punted(uint16_t worker, struct harness_packet *out, uint32_t cap) {
	return worker < g.n_workers ? take(g.workers[worker]->punt_ring, out, cap) : -EINVAL;
}

int harness_take_kernel(uint16_t port, struct harness_packet *out, uint32_t cap) {
	return port < g.n_ports ? take(g.kernel[port].tx[0], out, cap) : -EINVAL;
}

uint64_t harness_kni_dropped(uint16_t port) {
	return port < g.n_ports ? g.kni.ports[port].dropped : 0;
}
