// SPDX-License-Identifier: BSD-3-Clause

#include "bench/world.h"

#include "bench/frame.h"
#include "bench/swap.h"
#include "harness/inner.h"
#include "path/path.h"
#include "slb_harness_c.h"

#include <arpa/inet.h>
#include <errno.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { POOL_MBUFS = 16384, TEXT = 256 };

static struct rte_mempool *pool;

_Noreturn void world_fail(const char *what) {
	fprintf(stderr, "slb-bench: %s\n", what);
	exit(1);
}

void *world_memory(size_t bytes) {
	void *memory = calloc(1, bytes);

	if (memory == NULL)
		world_fail("no memory");
	return memory;
}

void world_start(uint32_t megabytes, bool huge, const char *cpus) {
	char prefix[32], memory[16], cores[64], first[12];
	char *argv[] = {
		"slb-bench",
		"--no-pci",
		"--no-telemetry",
		"-l",
		cores,
		"-m",
		memory,
		"--main-lcore",
		first,
		"--file-prefix",
		prefix,
		"--log-level=4",
		huge ? "--in-memory" : "--no-huge",
		huge ? NULL : "--no-shconf",
		NULL,
	};
	int argc = huge ? 13 : 14;

	snprintf(prefix, sizeof(prefix), "slb-bench-%d", getpid());
	snprintf(memory, sizeof(memory), "%u", megabytes);
	snprintf(cores, sizeof(cores), "%s", cpus);
	snprintf(first, sizeof(first), "%d", atoi(cpus));
	if (rte_eal_init(argc, argv) < 0)
		world_fail("EAL refused to start");
	rmdir(rte_eal_get_runtime_dir());
	pool = rte_pktmbuf_pool_create(
		"bench", POOL_MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY
	);
	if (pool == NULL)
		world_fail("no memory for mbufs");
	harness_use_pool(pool);
}

static struct slb_address address(uint32_t net, uint32_t host, bool v6) {
	struct slb_address a = {.family = v6 ? 6 : 4};
	uint32_t be = htonl(v6 ? host : net + host);

	if (!v6) {
		memcpy(a.bytes, &be, sizeof(be));
		return a;
	}
	net = htonl(net);
	memcpy(a.bytes, (uint8_t[]){0x20, 0x01, 0x0d, 0xb8}, 4);
	memcpy(&a.bytes[4], &net, sizeof(net));
	memcpy(&a.bytes[12], &be, sizeof(be));
	return a;
}

static void set_laddrs(struct slb_config *config, const struct world_size *size) {
	for (uint32_t i = 0; i < (uint32_t)size->laddrs * size->workers; i++)
		config->laddrs[config->n_laddrs++] = (struct slb_laddr_config){
			.addr = address(BENCH_LOCALS, i + 1, size->v6),
			.worker = (uint16_t)(i % size->workers),
		};
}

static struct slb_config config_of(const struct world_size *size) {
	// Clients are not spread: each worker has what comes to it.
	struct slb_config config = {
		.abi_version = SLB_ABI_VERSION,
		.n_workers = size->workers,
		.n_ports = 1,
		.sessions = size->v6 ? 64 : size->sessions,
		.sessions6 = size->v6 ? size->sessions : 0,
		.mbufs = POOL_MBUFS,
		.frag_datagrams = 64,
		.frag_held = 64,
		.vs_max = 4 + size->vs_more,
		.rs_max = WORLD_RS + size->rs_more,
		.punt_ospf_pps = 1000,
		.punt_arp_pps = 1000,
		.punt_other_pps = 1000,
		.tcp_mss = SLB_MSS_AUTO,
		.tcp_renumber = 1,
		.ports = {
			{.name = "bench",
			 .device = "none",
			 .mtu = 1500,
			 .rx_desc = 64,
			 .tx_desc = 64}
		},
	};

	set_laddrs(&config, size);
	return config;
}

static void set_view(bool v6) {
	const struct slb_address gateway = address(BENCH_LINK, 1, v6);
	const struct slb_route routes[] = {
		{.prefix = address(BENCH_LINK, 0, v6), .len = v6 ? 64 : 24},
		{.prefix = {.family = gateway.family}, .gateway = gateway},
	};
	const struct slb_neighbour neighbour = {.addr = gateway, .mac = {2, 0, 0, 0, 0, 3}};
	struct slb_refused refused;
	uint64_t generation;

	if (harness_forward_set(routes, 2, &neighbour, 1, NULL, 0, &generation, &refused) != 0)
		world_fail("the forwarding view was refused");
}

static void set_service(const struct world_size *size) {
	struct slb_op ops[1 + WORLD_RS] = {{
		.kind = SLB_OP_VS_ADD,
		.scheduler = SLB_SCHED_RR,
		.vs = {.addr = address(BENCH_VIP, 0, size->v6),
		       .port_be = htons(BENCH_VIP_PORT),
		       .proto = size->tcp ? SLB_PROTO_TCP : SLB_PROTO_UDP},
	}};
	struct slb_refused refused;
	uint64_t generation;

	for (uint32_t i = 1; i <= size->rs; i++)
		ops[i] = (struct slb_op){
			.kind = SLB_OP_RS_ADD,
			.weight = 1,
			.vs = ops[0].vs,
			.rs = {.addr = address(BENCH_SERVERS, i, size->v6),
			       .port_be = htons(WORLD_RS_PORT)},
		};
	if (harness_commit(ops, 1u + size->rs, &generation, &refused) != 0)
		world_fail(refused.text);
}

void world_open(const struct world_size *size) {
	struct slb_config config = config_of(size);
	char text[TEXT] = "";

	if (harness_open(&config, text, sizeof(text)) != 0)
		world_fail(text);
	set_view(size->v6);
	set_service(size);
}

struct core *world_core(uint16_t worker) {
	return harness_admin()->cores[worker];
}

struct vs *world_vs(uint16_t worker) {
	return world_core(worker)->vs[0];
}

struct slb_reset world_reset(uint32_t rs) {
	return (struct slb_reset){
		.vs = {.addr = address(BENCH_VIP, 0, false),
		       .port_be = htons(BENCH_VIP_PORT),
		       .proto = SLB_PROTO_UDP},
		.rs = {.addr = address(BENCH_SERVERS, rs + 1, false),
		       .port_be = htons(WORLD_RS_PORT)},
	};
}

struct rte_mbuf **world_mbufs(uint32_t n) {
	struct rte_mbuf **mbufs = world_memory(n * sizeof(*mbufs));

	if (rte_pktmbuf_alloc_bulk(pool, mbufs, n) != 0)
		world_fail("no mbufs");
	return mbufs;
}

static void send_on(struct core *c, struct rte_mbuf *const *mbufs, uint16_t n) {
	static struct burst b;

	path_run(c, &b, mbufs, n, FROM_PORT);
	for (uint16_t i = 0; i < n; i++)
		if (b.pkts[i].verdict != VERDICT_TX)
			world_fail("a packet of a session that begins was not sent on");
}

static bool is_back(const struct rte_mbuf *m, uint32_t client, bool v6) {
	struct frame_key first = frame_of_client(client, v6), answer = frame_turned(&first);

	return frame_is(m, &answer);
}

// An answer to each, as else what is measured of many sessions would be their first answers.
void world_fill(uint16_t worker, uint32_t sessions) {
	struct core *c = world_core(worker);
	bool v6 = ipaddr_is_v4(world_vs(worker)->addr) == false;
	static struct rte_mbuf **mbufs;

	if (mbufs == NULL)
		mbufs = world_mbufs(BURST);
	for (uint32_t at = 0; at < sessions; at += BURST) {
		uint16_t n = (uint16_t)RTE_MIN(sessions - at, (uint32_t)BURST);
		for (uint16_t i = 0; i < n; i++)
			frame_first(mbufs[i], at + i, v6);
		send_on(c, mbufs, n);
		if (!world_is_to_rs(mbufs[0]))
			world_fail("a first packet did not go to an RS");
		swap_run(mbufs, n);
		send_on(c, mbufs, n);
		if (!is_back(mbufs[0], at, v6))
			world_fail("an answer did not go to its client");
	}
	if (c->sessions.active < sessions)
		world_fail("there are too few sessions");
	world_check(c);
}
