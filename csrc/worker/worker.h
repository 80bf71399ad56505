// SPDX-License-Identifier: BSD-3-Clause
// One worker lcore: its path, its queues, its rings.
#pragma once

#include "base/idle.h"
#include "path/core.h"
#include "steer/standby.h"
#include "worker/inbox.h"

enum { TX_BUFFER = 128, NO_QUEUE = UINT16_MAX };

struct rte_mempool;
struct rte_ring;

// A list of packets that leave together: to a port's queue, another worker or the KNI core.
struct outbox {
	uint16_t n;
	struct rte_mbuf *mbufs[TX_BUFFER];
};

struct worker_port {
	uint16_t dpdk_id;
	uint16_t rx_queue; // NO_QUEUE: this worker does not read the port
	uint16_t tx_queue; // NO_QUEUE: sent through worker `tx_via`
	uint16_t tx_via;
	bool has_kni;
	bool lacp; // a bond that speaks LACP
	struct standby standby;
	struct outbox tx;
};

struct worker_counters {
	uint64_t rounds;
	uint64_t busy_cycles;
	uint64_t idle_cycles;
	uint64_t rx_packets;
	uint64_t tx_packets;
	uint64_t handed_off;
	uint64_t handed_in;
	uint64_t punted;
};

struct worker {
	struct core *core;
	struct inbox inbox;
	uint16_t n_ports;
	uint16_t n_sources; // rings that lead here: the workers and the KNI core
	struct worker_port ports[SLB_MAX_PORTS];
	struct rte_ring *from[SLB_MAX_WORKERS + 1]; // NULL for itself
	struct rte_ring *to[SLB_MAX_WORKERS]; // NULL for itself
	struct outbox handoff[SLB_MAX_WORKERS];
	struct rte_ring *punt_ring;
	struct rte_mempool *pool; // of its NUMA node
	struct outbox punt;
	struct idle idle;
	uint32_t ticked; // tick at which bonds were last seen to
	uint64_t tsc_hz;
	uint64_t tick_base; // TSC at tick 0
	const uint32_t *stop; // engine writes
	_Alignas(64) struct worker_counters counters; // worker writes, admin reads
};

// The lcore's main function; arg is the struct worker. Returns when *stop is set.
int worker_main(void *arg);

// Fills up the path's reserve of empty mbufs.
void worker_spare(struct worker *w);

// One round: receive, work, pass on, send, inbox, timers. Returns whether there was anything to do.
bool worker_round(struct worker *w);
