// SPDX-License-Identifier: BSD-3-Clause

#include "bench/worker.h"

#include "base/clock.h"
#include "bench/world.h"
#include "engine/engine.h"
#include "steer/soft.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

enum { INBOX_SIZE = 64, MBUFS = 8191, DESCRIPTORS = 1024, SLOWER = 1024 };

static uint32_t stopped;

static struct rte_ring *must(struct rte_ring *ring) {
	if (ring == NULL)
		world_fail("no memory for a ring");
	return ring;
}

struct rte_mempool *bench_pool(void) {
	static struct rte_mempool *pool;

	if (pool == NULL)
		pool = rte_pktmbuf_pool_create(
			"bench_worker", MBUFS, POOL_CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
			SOCKET_ID_ANY
		);
	if (pool == NULL)
		world_fail("no memory for a worker's mbufs");
	return pool;
}

// Rings outlive the worlds: nothing is ever left in them.
struct worker *bench_worker(uint16_t dpdk_id) {
	static struct worker w;
	static struct rte_ring *inbox, *punt, *from_kni;

	if (inbox == NULL) {
		inbox = must(rte_ring_create(
			"bench_inbox", INBOX_SIZE, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ
		));
		punt = must(soft_ring_create("bench_punt", 0, 0, SOCKET_ID_ANY));
		from_kni = must(soft_ring_create("bench_kni", 1, 0, SOCKET_ID_ANY));
	}
	w = (struct worker){
		.core = world_core(0),
		.inbox = {.ring = inbox},
		.n_ports = 1,
		.n_sources = 2,
		.ports[0] = {.dpdk_id = dpdk_id},
		.from[1] = from_kni,
		.punt_ring = punt,
		.pool = bench_pool(),
		.idle = {.policy = SLB_IDLE_BUSY},
		.tsc_hz = rte_get_tsc_hz(),
		.tick_base = rte_rdtsc(),
		.stop = &stopped,
	};
	return &w;
}

void bench_worker_at(struct worker *w, uint32_t tick) {
	w->tsc_hz = rte_get_tsc_hz() * SLOWER;
	w->tick_base = rte_rdtsc() - (tick * w->tsc_hz + w->tsc_hz / 2) / TICK_HZ;
}

void bench_worker_stop(bool stop) {
	__atomic_store_n(&stopped, stop, __ATOMIC_RELAXED);
}

void bench_port_start(uint16_t dpdk_id) {
	const struct rte_eth_conf conf = {0};

	if (rte_eth_dev_configure(dpdk_id, 1, 1, &conf) != 0
	    || rte_eth_rx_queue_setup(dpdk_id, 0, DESCRIPTORS, 0, NULL, bench_pool()) != 0
	    || rte_eth_tx_queue_setup(dpdk_id, 0, DESCRIPTORS, 0, NULL) != 0
	    || rte_eth_dev_start(dpdk_id) != 0)
		world_fail("the device does not start");
}
