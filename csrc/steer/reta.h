// SPDX-License-Identifier: BSD-3-Clause
// A device's RSS redirection table, which is asked and told in groups of 64 places.
#pragma once

#include "steer/nic.h"

enum { RETA_MAX = 2048, RETA_GROUPS = RETA_MAX / RTE_ETH_RETA_GROUP_SIZE };

struct reta {
	struct rte_eth_rss_reta_entry64 groups[RETA_GROUPS];
};

static inline uint16_t *reta_place(struct reta *t, uint32_t place) {
	return &t->groups[place / RTE_ETH_RETA_GROUP_SIZE].reta[place % RTE_ETH_RETA_GROUP_SIZE];
}

// The first `len` places, at most RETA_MAX. -errno as the driver says it.
int reta_read(const struct nic_ops *nic, uint16_t dpdk_id, struct reta *t, uint16_t len);

// Has each lead to the queue of this number; UINT8_MAX: as it is.
int reta_write(const struct nic_ops *nic, uint16_t dpdk_id, const uint8_t *queues, uint16_t len);

// Has them lead to the workers' queues in turn, and to no other.
int reta_deal(const struct nic_ops *nic, uint16_t dpdk_id, uint16_t n_workers, uint16_t len);
