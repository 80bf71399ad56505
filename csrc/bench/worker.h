// SPDX-License-Identifier: BSD-3-Clause
// A worker as slbd has it, of the world's first core and one port; whoever measures runs its rounds.
#pragma once

#include "worker/worker.h"

// Its mbufs, in a pool with caches as the engine's; the same one each time.
struct rte_mempool *bench_pool(void);

// Of the world that is open. The port is started, and has a queue each way. There is one at a time.
struct worker *bench_worker(uint16_t dpdk_id);

// Sets the worker's clock, which so far was the machine's, and all but stops it: half a minute is left until the next tick.
void bench_worker_at(struct worker *w, uint32_t tick);

// Has worker_main() return, or not yet.
void bench_worker_stop(bool stop);

// Configures and starts a device with a queue each way.
void bench_port_start(uint16_t dpdk_id);
