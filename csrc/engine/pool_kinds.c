// SPDX-License-Identifier: BSD-3-Clause
// A pool in shared memory names its kind by a place in a list, which every process has of its own, in the order in which its
// drivers were loaded. Those of ring are moved to where they are in the list of DPDK's tools.

#include "engine/engine.h"

#include <errno.h>
#include <rte_mempool.h>
#include <rte_version.h>
#include <string.h>

static bool is_ring(const struct rte_mempool_ops *ops) {
	return strncmp(ops->name, "ring_", 5) == 0;
}

int pool_kinds_place(uint8_t place, struct err *e) {
	struct rte_mempool_ops_table *table = &rte_mempool_ops_table;
	struct rte_mempool_ops rings[RTE_MEMPOOL_MAX_OPS_IDX], others[RTE_MEMPOOL_MAX_OPS_IDX];
	uint32_t n_rings = 0, n_others = 0, n = table->num_ops;

	for (uint32_t i = 0; i < n; i++)
		if (is_ring(&table->ops[i]))
			rings[n_rings++] = table->ops[i];
		else
			others[n_others++] = table->ops[i];
	if (n_rings == 0 || strcmp(rings[0].name, POOL_KIND) != 0 || place > n_others)
		return err_set(
			e, ENOTSUP,
			"engine.shared_memory: the drivers of DPDK's tools, in %s, are not those "
			"of "
			"DPDK %s, which slbd was built with",
			RTE_EAL_PMD_PATH, rte_version()
		);
	for (uint32_t i = 0; i < n; i++) {
		if (i < place)
			table->ops[i] = others[i];
		else if (i < place + n_rings)
			table->ops[i] = rings[i - place];
		else
			table->ops[i] = others[i - n_rings];
	}
	return 0;
}

bool pool_kind_is_ours(int32_t ops_index) {
	return ops_index >= 0 && (uint32_t)ops_index < rte_mempool_ops_table.num_ops
		&& strcmp(rte_mempool_ops_table.ops[ops_index].name, POOL_KIND) == 0;
}
