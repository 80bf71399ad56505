// SPDX-License-Identifier: BSD-3-Clause
// What the process has more of, once the sessions are there, than before there was a worker: DPDK's heap, where the engine's tables are, and
// memory of the system's that it has written to. In hugepages or not, the heap's own pages are no anonymous ones.

#include "bench/bench.h"
#include "bench/world.h"

#include <rte_malloc.h>
#include <stdio.h>
#include <string.h>

static uint64_t heap_bytes(void) {
	uint64_t bytes = 0;

	for (int socket = 0; socket < RTE_MAX_NUMA_NODES; socket++) {
		struct rte_malloc_socket_stats stats;
		if (rte_malloc_get_socket_stats(socket, &stats) == 0)
			bytes += stats.heap_allocsz_bytes;
	}
	return bytes;
}

static uint64_t anonymous_bytes(void) {
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long kb = 0;
	char line[256];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "RssAnon: %lu kB", &kb) == 1)
			break;
	if (file != NULL)
		fclose(file);
	if (kb == 0)
		world_fail("/proc/self/status does not say how much memory there is");
	return kb * 1024;
}

static void measure(const struct request *r, bool v6) {
	const struct world_size size = {
		.workers = 1,
		.rs = WORLD_RS,
		.laddrs = WORLD_LADDRS,
		.sessions = r->sessions,
		.v6 = v6,
	};
	uint64_t heap = heap_bytes(), system = anonymous_bytes();

	world_open(&size);
	world_fill(0, r->sessions);
	heap = heap_bytes() - heap;
	system = anonymous_bytes() - system;
	bench_say("bytes", 0, (struct reading){.cycles = (double)(heap + system) / r->sessions});
	bench_say("heap", 0, (struct reading){.cycles = (double)heap / r->sessions});
}

// Once: a second time would begin with what the first one has left behind.
void bench_memory(const struct request *r) {
	measure(r, false);
}

void bench_memory6(const struct request *r) {
	measure(r, true);
}
