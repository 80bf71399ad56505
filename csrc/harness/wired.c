// SPDX-License-Identifier: BSD-3-Clause
// Workers with all they have but an lcore: a round is run when asked for, ports are rings in memory, and what leaves a
// worker stays in its ring until a test takes it. So every queue can be made to overflow, with the worker's own code.

#include "slb_harness_c.h"

#include "base/clock.h"
#include "harness/inner.h"
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
	struct rte_ring *rx[SLB_MAX_WORKERS];
	struct rte_ring *tx[SLB_MAX_WORKERS];
};

struct wired {
	uint16_t n_workers, n_ports, n_tx;
	struct wired_port ports[SLB_MAX_PORTS];
	struct worker *workers[SLB_MAX_WORKERS];
};

static struct wired g;

static struct rte_ring *port_ring(const char *kind, uint16_t port, uint16_t queue, uint32_t room) {
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "wired_%s_%u_%u", kind, port, queue);
	return rte_ring_create(
		name, room, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ
	);
}

static int start_port(const struct wired_port *port) {
	const struct rte_eth_conf conf = {0};
	int rc = rte_eth_dev_configure(port->dpdk_id, g.n_workers, g.n_tx, &conf);

	// The pool is asked for and never used: what is received was put into the ring.
	for (uint16_t q = 0; rc == 0 && q < g.n_workers; q++)
		rc = rte_eth_rx_queue_setup(
			port->dpdk_id, q, RX_RING_SIZE, 0, NULL, harness_pool()
		);
	for (uint16_t q = 0; rc == 0 && q < g.n_tx; q++)
		rc = rte_eth_tx_queue_setup(port->dpdk_id, q, RX_RING_SIZE, 0, NULL);
	return rc == 0 ? rte_eth_dev_start(port->dpdk_id) : rc;
}

static int open_port(uint16_t number, uint32_t tx_room) {
	struct wired_port *port = &g.ports[number];
	int rc;

	for (uint16_t q = 0; q < g.n_workers; q++)
		if ((port->rx[q] = port_ring("rx", number, q, RX_RING_SIZE)) == NULL)
			return -ENOMEM;
	for (uint16_t q = 0; q < g.n_tx; q++)
		if ((port->tx[q] = port_ring("tx", number, q, tx_room)) == NULL)
			return -ENOMEM;
	snprintf(port->name, sizeof(port->name), "wired%u", number);
	rc = rte_eth_from_rings(port->name, port->rx, g.n_workers, port->tx, g.n_tx, 0);
	if (rc < 0)
		return rc;
	port->dpdk_id = (uint16_t)rc;
	port->made = true;
	return start_port(port);
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
	w->n_sources = g.n_workers;
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
		rc = open_port(i, tx_room);
	for (uint16_t id = 0; rc == 0 && id < g.n_workers; id++)
		rc = open_worker(id) != NULL ? 0 : -ENOMEM;
	if (rc == 0 && !connect_workers())
		rc = -ENOMEM;
	if (rc != 0)
		harness_unwire();
	return rc;
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
	for (uint16_t q = 0; q < g.n_workers; q++) {
		free_ring(port->rx[q]);
		free_ring(port->tx[q]);
	}
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
	for (uint16_t i = 0; i < g.n_ports; i++)
		close_port(&g.ports[i]);
	g = (struct wired){0};
}

int harness_receive(uint16_t worker, const struct harness_packet *packets, uint32_t n) {
	if (worker >= g.n_workers)
		return -EINVAL;
	for (uint32_t i = 0; i < n; i++) {
		struct rte_mbuf *m;
		if (packets[i].len > HARNESS_FRAME || packets[i].port >= g.n_ports)
			return -EINVAL;
		m = harness_mbuf(&packets[i]);
		if (m == NULL)
			return -ENOMEM;
		if (soft_pass(g.ports[packets[i].port].rx[worker], &m, 1) == 0) {
			rte_pktmbuf_free(m);
			return -ENOSPC;
		}
	}
	return 0;
}

int harness_round(uint16_t worker) {
	struct worker *w = g.workers[worker < g.n_workers ? worker : 0];

	if (worker >= g.n_workers)
		return -EINVAL;
	// The round reads the clock, which the harness alone moves: make it read the tick there is.
	w->tick_base = rte_rdtsc() - (w->core->now * w->tsc_hz + w->tsc_hz / 2) / TICK_HZ;
	return worker_round(w);
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
