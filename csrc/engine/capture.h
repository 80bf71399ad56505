// SPDX-License-Identifier: BSD-3-Clause
// What DPDK's packet capture says between processes, and what a tool that has died leaves in shared memory.
#pragma once

#include <rte_dev.h>
#include <rte_mempool.h>
#include <rte_ring.h>
#include <stdbool.h>
#include <stdint.h>

struct engine;
struct rte_bpf_prm;

enum { CAPTURE_DISABLE = 1, CAPTURE_ENABLE = 2 };

// As librte_pdump of DPDK 22.11 sends it, which has it in no header. Its size is checked.
struct capture_request {
	uint16_t version;
	uint16_t op;
	uint32_t flags; // RTE_PDUMP_FLAG_RX, RTE_PDUMP_FLAG_TX
	char device[RTE_DEV_NAME_MAX_LEN];
	uint16_t queue; // RTE_PDUMP_ALL_QUEUES
	struct rte_ring *ring; // to the tool
	struct rte_mempool *pool; // of the copies
	const struct rte_bpf_prm *filter; // NULL: none
	uint32_t snap_len;
};

struct capture_answer {
	uint16_t version;
	uint16_t op;
	int32_t rc; // -errno
};

// The rings and pools of a dead tool, each once.
enum { CAPTURE_ESTATE = 8 };

struct capture_estate {
	uint32_t n_rings, n_pools;
	struct rte_ring *rings[CAPTURE_ESTATE];
	struct rte_mempool *pools[CAPTURE_ESTATE];
};

void capture_estate_add(struct capture_estate *estate, const struct capture_request *request);

// Frees it as soon as no core can use it any more, whose callbacks are removed already. False: a core stands still, and nothing
// was freed.
bool capture_estate_free(struct capture_estate *estate, struct engine *g);
