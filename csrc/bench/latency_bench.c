// SPDX-License-Identifier: BSD-3-Clause
// One packet at a time goes into a ring and comes back out of another one, and what is between them runs on the other CPU: the worker's own
// loop, or the loop of testpmd's `io`, which sends what it receives and looks at nothing. Both through net_ring, on the same rings.

#include "bench/bench.h"
#include "bench/drive.h"
#include "bench/worker.h"
#include "bench/world.h"

#include <rte_cycles.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_random.h>
#include <rte_ring.h>
#include <stdlib.h>

enum {
	PACKETS = 4096, // known beforehand
	WARM = 1000,
	PROBES = 50000,
	RING = 1024,
	PAUSE_PER_S = 500000, // 2 us
};

struct packet {
	struct frame_key sent;
	struct frame_key answer;
};

struct bench_rings {
	uint16_t dpdk_id;
	struct rte_ring *in, *out;
	struct packet *packets;
	struct rte_mbuf **mbufs; // DRIVE_FRAMES
	uint64_t took[PROBES];
};

struct io {
	uint16_t dpdk_id;
	volatile bool stop;
};

static struct bench_rings rings_open(void) {
	struct bench_rings r = {0};
	int port;

	r.in = rte_ring_create("bench_in", RING, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	r.out = rte_ring_create("bench_out", RING, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (r.in == NULL || r.out == NULL)
		world_fail("no memory for a ring");
	port = rte_eth_from_rings("bench", &r.in, 1, &r.out, 1, 0);
	if (port < 0)
		world_fail("there is no net_ring");
	r.dpdk_id = (uint16_t)port;
	bench_port_start(r.dpdk_id);
	r.mbufs = world_mbufs(DRIVE_FRAMES);
	return r;
}

// As app/test-pmd/iofwd.c does it.
static int forward(void *arg) {
	struct io *io = arg;
	struct rte_mbuf *mbufs[BURST];

	while (!io->stop) {
		uint16_t n = rte_eth_rx_burst(io->dpdk_id, 0, mbufs, BURST);
		uint16_t sent;
		if (n == 0)
			continue;
		sent = rte_eth_tx_burst(io->dpdk_id, 0, mbufs, n);
		if (sent < n)
			rte_pktmbuf_free_bulk(&mbufs[sent], n - sent);
	}
	return 0;
}

// So that no poll keeps step with the probes.
static void pause_a_little(void) {
	uint64_t until = rte_rdtsc() + rte_rand_max(rte_get_tsc_hz() / PAUSE_PER_S);

	while (rte_rdtsc() < until)
		;
}

static uint64_t one_probe(const struct bench_rings *r, struct rte_mbuf *m) {
	uint64_t began, limit = rte_rdtsc() + rte_get_tsc_hz() * 10;
	void *back = NULL;

	began = rte_rdtsc_precise();
	rte_ring_enqueue(r->in, m);
	while (rte_ring_dequeue(r->out, &back) != 0)
		if (rte_rdtsc() > limit)
			world_fail("a packet did not come back");
	began = rte_rdtsc_precise() - began;
	if (back != m)
		world_fail("another packet came back");
	return began;
}

static void probes(struct bench_rings *r, bool answered) {
	for (uint32_t i = 0; i < WARM + PROBES; i++) {
		const struct packet *p = &r->packets[i % PACKETS];
		struct rte_mbuf *m = r->mbufs[i % DRIVE_FRAMES];
		uint64_t took;
		frame_write(m, &p->sent);
		pause_a_little();
		took = one_probe(r, m);
		if (i >= WARM)
			r->took[i - WARM] = took;
		if (!frame_is(m, answered ? &p->answer : &p->sent))
			world_fail("a packet did not become what it must");
	}
}

static int later(const void *a, const void *b) {
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void say(struct bench_rings *r, const char *half, const char *most, uint32_t run) {
	struct reading reading = {0};
	uint64_t limit;
	uint32_t n = PROBES;

	qsort(r->took, PROBES, sizeof(r->took[0]), later);
	limit = r->took[0] + rte_get_tsc_hz() / DISTURBED_PER_S;
	while (r->took[n - 1] > limit)
		n--;
	reading.cycles = (double)r->took[n / 2];
	reading.left_out = PROBES - n;
	bench_say(half, run, reading);
	bench_say(most, run, (struct reading){.cycles = (double)r->took[(uint64_t)n * 999 / 1000]});
}

static void ours(struct bench_rings *r, unsigned lcore, uint32_t run) {
	struct worker *w = bench_worker(r->dpdk_id);

	bench_worker_stop(false);
	rte_eal_remote_launch(worker_main, w, lcore);
	probes(r, true);
	bench_worker_stop(true);
	rte_eal_wait_lcore(lcore);
	say(r, "ours", "ours p99.9", run);
}

static void theirs(struct bench_rings *r, unsigned lcore, uint32_t run) {
	struct io io = {.dpdk_id = r->dpdk_id};

	rte_eal_remote_launch(forward, &io, lcore);
	probes(r, false);
	io.stop = true;
	rte_eal_wait_lcore(lcore);
	say(r, "io", "io p99.9", run);
}

// Beforehand: to look a session up while the worker runs would take its lines from the worker's CPU.
static struct packet *packets_of(struct core *c) {
	struct packet *packets = world_memory(PACKETS * sizeof(*packets));
	struct trace t = trace_draw(c, PACKETS, TRACE_BOTH);

	for (uint32_t i = 0; i < PACKETS; i++) {
		packets[i].sent = *trace_next(&t);
		packets[i].answer = trace_answer(c, &packets[i].sent);
	}
	trace_free(&t);
	return packets;
}

static void measure(const struct request *r, bool spoil) {
	const unsigned lcore = rte_get_next_lcore((unsigned)-1, 1, 0);
	const struct world_size size = {
		.workers = 1, .rs = WORLD_RS, .laddrs = WORLD_LADDRS, .sessions = r->sessions
	};
	static struct bench_rings rings;

	if (lcore >= RTE_MAX_LCORE)
		world_fail("who sends and who forwards need two CPUs");
	rings = rings_open();
	for (uint32_t run = 0; run < r->runs; run++) {
		world_open(&size);
		world_fill(0, r->sessions);
		rings.packets = packets_of(world_core(0));
		rings.packets[0].answer.key.sport_be ^= spoil;
		ours(&rings, lcore, run);
		theirs(&rings, lcore, run);
		free(rings.packets);
	}
}

void bench_latency(const struct request *r) {
	measure(r, false);
}

void bench_spoilt_latency(const struct request *r) {
	measure(r, true);
}
