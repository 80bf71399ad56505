// SPDX-License-Identifier: BSD-3-Clause

#include "steer/reta.h"

static void choose_all(struct reta *t) {
	for (uint32_t i = 0; i < RETA_GROUPS; i++)
		t->groups[i].mask = UINT64_MAX;
}

int reta_read(const struct nic_ops *nic, uint16_t dpdk_id, struct reta *t, uint16_t len) {
	choose_all(t);
	return nic->table_get(dpdk_id, t->groups, len);
}

int reta_deal(const struct nic_ops *nic, uint16_t dpdk_id, uint16_t n_workers, uint16_t len) {
	struct reta t;

	choose_all(&t);
	for (uint32_t i = 0; i < len; i++)
		*reta_place(&t, i) = (uint16_t)(i % n_workers);
	return nic->table_set(dpdk_id, t.groups, len);
}

int reta_write(const struct nic_ops *nic, uint16_t dpdk_id, const uint8_t *queues, uint16_t len) {
	struct reta t = {0};

	for (uint32_t i = 0; i < len; i++) {
		if (queues[i] == UINT8_MAX)
			continue;
		t.groups[i / RTE_ETH_RETA_GROUP_SIZE].mask |= UINT64_C(1)
			<< (i % RTE_ETH_RETA_GROUP_SIZE);
		*reta_place(&t, i) = queues[i];
	}
	return nic->table_set(dpdk_id, t.groups, len);
}
