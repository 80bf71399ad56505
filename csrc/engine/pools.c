// SPDX-License-Identifier: BSD-3-Clause
// Memory: one mbuf pool a NUMA node, and the sum of what is asked for.

#include "engine/engine.h"
#include "path/frag_table.h"
#include "path/freed_port.h"
#include "path/session.h"

#include <rte_mbuf.h>
#include <stdio.h>

// TOOLS_MB: for what DPDK's tools make in memory that they share, such as copies of packets.
enum { L2_ROOM = 32, SPARE_MB = 64, TOOLS_MB = 32, PAGE_BYTES = 4096 };

static uint16_t data_room(const struct slb_config *config) {
	uint32_t room = RTE_MBUF_DEFAULT_BUF_SIZE;

	for (uint16_t i = 0; i < config->n_ports; i++) {
		uint32_t needed = RTE_PKTMBUF_HEADROOM + config->ports[i].mtu + L2_ROOM;
		room = needed > room ? needed : room;
	}
	return (uint16_t)RTE_ALIGN_CEIL(room, 64u);
}

// With its header, and padding to spread over memory channels. Without hugepages none crosses a page.
static uint64_t mbuf_bytes(const struct slb_config *config) {
	uint64_t bytes = data_room(config) + sizeof(struct rte_mbuf) + 2 * RTE_CACHE_LINE_SIZE;

	return config->use_hugepages ? bytes : RTE_ALIGN_CEIL(bytes, (uint64_t)PAGE_BYTES);
}

// What a worker sees of VS and RS. While a change is published it stands beside what it replaces, hence twice.
static uint64_t table_bytes(const struct slb_config *config) {
	uint64_t vs = sizeof(struct vs) + 4 * sizeof(struct vs_index_entry);

	return config->vs_max * (sizeof(struct vs *) + sizeof(uint64_t) + 2 * vs)
		+ config->rs_max
		* (sizeof(struct rs_core) + sizeof(struct rs_answers) + sizeof(struct laddr_ahead)
		   + 2 * sizeof(struct vs_rs))
		+ laddr_walks(config->rs_max) * sizeof(struct laddr_turn)
		+ FREED_RINGS * sizeof(struct freed_ring);
}

static uint32_t devices(const struct slb_port_config *config) {
	return config->bond.mode == SLB_BOND_NONE ? 1 : config->bond.n_members;
}

static uint64_t lacp_bytes(const struct slb_config *config) {
	uint64_t bytes = 0;

	for (uint16_t i = 0; i < config->n_ports; i++) {
		const struct slb_port_config *p = &config->ports[i];
		uint32_t n = (uint32_t)config->n_workers * p->tx_desc + LACP_SPARE_MBUFS;
		if (p->bond.mode == SLB_BOND_LACP)
			bytes += (uint64_t)p->bond.n_members * n * LACP_MBUF_BYTES;
	}
	return bytes;
}

// What the queue holds, what the kernel interface may still have to send, and what the driver and the core have in their hands.
static uint32_t kni_mbufs(uint32_t rx_desc) {
	return rx_desc + KNI_DESC + POOL_CACHE;
}

// Whether the devices have the queue is not known yet.
static uint32_t all_kni_mbufs(const struct slb_config *config) {
	uint32_t n = 0;

	for (uint16_t i = 0; i < config->n_ports; i++)
		if (kni_queue_wanted(&config->ports[i]))
			n += kni_mbufs(devices(&config->ports[i]) * config->ports[i].rx_desc);
	return n;
}

uint32_t memory_needed_mb(const struct slb_config *config) {
	uint64_t mbuf = mbuf_bytes(config);
	uint32_t narrow = config->sessions, wide = config->sessions6;
	uint64_t line = sizeof(struct session)
		+ (config->tcp_expired == SLB_EXPIRED_RESET ? sizeof(struct acks) : 0);
	uint64_t worker = session_lines(narrow, wide) * line
		+ (uint64_t)session_groups(narrow + wide) * sizeof(struct session_group)
		+ frag_table_bytes(config->frag_datagrams, config->frag_held) + table_bytes(config)
		+ sizeof(struct core);
	uint64_t mbufs = (uint64_t)config->mbufs + all_kni_mbufs(config);
	uint64_t total =
		mbufs * mbuf * 11 / 10 + config->n_workers * worker + lacp_bytes(config) * 11 / 10;

	return (uint32_t)(total >> 20) + SPARE_MB + 8 * config->n_workers
		+ (config->shared_memory ? TOOLS_MB : 0);
}

struct rte_mempool *pool_of(struct engine *g, int socket) {
	char name[RTE_MEMPOOL_NAMESIZE];
	int node = socket >= 0 && socket < RTE_MAX_NUMA_NODES ? socket : 0;

	if (g->pools[node] == NULL) {
		snprintf(name, sizeof(name), "mbufs_%d", node);
		g->pools[node] = rte_pktmbuf_pool_create(
			name, g->config.mbufs, POOL_CACHE, 0, data_room(&g->config), node
		);
	}
	return g->pools[node];
}

struct rte_mempool *kni_pool_new(const struct engine *g, uint16_t port, uint16_t rx_desc) {
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "kni_mbufs_%u", port);
	return rte_pktmbuf_pool_create(
		name, kni_mbufs(port_devices(&g->ports[port]) * rx_desc), 0, 0,
		data_room(&g->config), g->ports[port].socket
	);
}

void pools_free(struct engine *g) {
	for (int node = 0; node < RTE_MAX_NUMA_NODES; node++) {
		rte_mempool_free(g->pools[node]);
		g->pools[node] = NULL;
	}
}
