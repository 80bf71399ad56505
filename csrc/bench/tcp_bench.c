// SPDX-License-Identifier: BSD-3-Clause
// Connections that begin, carry a request and its answer, and end, a round of them at a time: all of them take one step, then all the
// next. A round lasts a tick, and what it leaves behind ends when its time-out in TIME_WAIT has passed, as in production, so as many
// connections end in a round as begin in it: in its first step. Each step is timed by itself.

#include "base/clock.h"
#include "bench/bench.h"
#include "bench/frame.h"
#include "bench/feed.h"
#include "bench/tcp_frame.h"
#include "bench/worker.h"
#include "bench/world.h"

#include <arpa/inet.h>
#include <rte_cycles.h>
#include <rte_random.h>
#include <rte_tcp.h>

enum {
	TIME_WAIT_S = 10,
	PART_BURSTS = 1,
	PART = PART_BURSTS * BURST,
	ROUNDS = 64,
	PORTS_A_CLIENT = 50000
};

// The answer is the RS's last word, and its connection's: HTTP without keep-alive. What a side has sent counts with its SYN, data and FIN.
static const struct step {
	const char *name;
	enum direction dir;
	uint8_t flags;
	bool data;
	uint8_t sent, got; // by the sender before this one
} STEPS[] = {
	{"SYN", DIR_IN, RTE_TCP_SYN_FLAG, false, 0, 0},
	{"SYN-ACK", DIR_OUT, RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG, false, 0, 1},
	{"ACK", DIR_IN, RTE_TCP_ACK_FLAG, false, 1, 1},
	{"request", DIR_IN, RTE_TCP_PSH_FLAG | RTE_TCP_ACK_FLAG, true, 1, 1},
	{"answer, FIN", DIR_OUT, RTE_TCP_PSH_FLAG | RTE_TCP_FIN_FLAG | RTE_TCP_ACK_FLAG, true, 1,
	 1 + TCP_FRAME_DATA},
	{"FIN", DIR_IN, RTE_TCP_FIN_FLAG | RTE_TCP_ACK_FLAG, false, 1 + TCP_FRAME_DATA,
	 2 + TCP_FRAME_DATA},
	{"last ACK", DIR_OUT, RTE_TCP_ACK_FLAG, false, 2 + TCP_FRAME_DATA, 2 + TCP_FRAME_DATA},
};

enum { N_STEPS = sizeof(STEPS) / sizeof(STEPS[0]) };

struct life {
	struct flow_key key[2]; // of the packets that arrive, by direction
	uint32_t number[2]; // the first of who sends in that direction, as it says it
	uint32_t seen[2]; // the same as the other end sees it
};

struct lives {
	struct feed *feed;
	struct worker *w;
	struct rte_mbuf **mbufs; // PART
	struct stopwatch *watches; // of each step; NULL: not yet
	uint32_t n;
	uint32_t tick;
	uint32_t clients;
	uint32_t checked;
	struct life *all;
	uint32_t *order;
};

static void begin(struct lives *l) {
	for (uint32_t i = 0; i < l->n; i++) {
		uint32_t client = l->clients++;
		uint64_t drawn = rte_rand();
		l->all[i] = (struct life){
			.key[DIR_IN] =
				{.src_be = htonl(BENCH_CLIENTS + client / PORTS_A_CLIENT),
				 .dst_be = htonl(BENCH_VIP),
				 .sport_be = htons((uint16_t)(10000 + client % PORTS_A_CLIENT)),
				 .dport_be = htons(BENCH_VIP_PORT)},
			.number = {(uint32_t)drawn, (uint32_t)(drawn >> 32)},
		};
	}
}

// As the RS learns them from the SYNs; outside of what is timed.
static void learn(struct lives *l) {
	for (uint32_t i = 0; i < l->n; i++) {
		struct life *life = &l->all[i];
		uint8_t dir = DIR_IN;
		const struct session *s = session_lookup(
			&l->w->core->sessions, &life->key[DIR_IN], NULL, SLB_PROTO_TCP, &dir
		);
		if (s == NULL)
			world_fail("a connection has no session");
		life->key[DIR_OUT] = s->key[DIR_OUT];
		life->seen[DIR_IN] = life->number[DIR_IN] + s->seq_delta;
		life->seen[DIR_OUT] = life->number[DIR_OUT];
	}
}

static struct tcp_frame arriving(const struct life *life, const struct step *s) {
	enum direction other = dir_opposite(s->dir);

	return (struct tcp_frame){
		.key = life->key[s->dir],
		.seq = life->number[s->dir] + s->sent,
		.ack = s->flags & RTE_TCP_ACK_FLAG ? life->seen[other] + s->got : 0,
		.flags = s->flags,
		.data = s->data,
	};
}

static struct tcp_frame leaving(const struct life *life, const struct step *s) {
	enum direction other = dir_opposite(s->dir);

	return (struct tcp_frame){
		.key = flow_turned(&life->key[other]),
		.seq = life->seen[s->dir] + s->sent,
		.ack = s->flags & RTE_TCP_ACK_FLAG ? life->number[other] + s->got : 0,
		.flags = s->flags,
		.data = s->data,
	};
}

static void part(struct lives *l, const struct step *s, struct stopwatch *watch, uint32_t first) {
	for (uint32_t i = 0; i < PART; i++) {
		struct tcp_frame f = arriving(&l->all[l->order[first + i]], s);
		tcp_frame_write(l->mbufs[i], &f);
	}
	feed_load(l->feed, l->mbufs, PART, l->checked++ % PART);
	bench_worker_at(l->w, l->tick);
	if (watch != NULL)
		stopwatch_begin(watch);
	for (uint32_t i = 0; i < PART_BURSTS; i++)
		worker_round(l->w);
	if (watch != NULL)
		stopwatch_end(watch);
	feed_is_sent(l->feed);
}

static void step(struct lives *l, uint32_t n) {
	const struct step *s = &STEPS[n];
	struct stopwatch *watch = l->watches != NULL ? &l->watches[n] : NULL;

	for (uint32_t first = 0; first < l->n; first += PART) {
		const struct life *life;
		struct tcp_frame f;
		part(l, s, watch, first);
		if (n == 0 && first + PART == l->n)
			learn(l);
		if (n == 0 && !world_is_to_rs(l->feed->kept))
			world_fail("a segment did not become what it must");
		if (n == 0 && first + PART < l->n)
			continue;
		life = &l->all[l->order[first + l->feed->wanted]];
		f = leaving(life, s);
		if (!tcp_frame_is(l->feed->kept, &f))
			world_fail("a segment did not become what it must");
	}
}

// Those that the rounds within the time-out have left behind, this one too.
static void one_round(struct lives *l, uint32_t standing) {
	l->tick++;
	begin(l);
	for (uint32_t n = 0; n < N_STEPS; n++)
		step(l, n);
	if (l->watches != NULL && l->w->core->sessions.active != standing)
		world_fail("connections did not end, or too many");
}

static void shuffle(uint32_t *order, uint32_t n) {
	for (uint32_t i = 0; i < n; i++) {
		uint32_t j = (uint32_t)rte_rand_max(i + 1);
		order[i] = order[j];
		order[j] = i;
	}
}

static void say(uint32_t run, struct stopwatch *watches) {
	struct reading life = {0};

	for (uint32_t n = 0; n < N_STEPS; n++) {
		struct reading reading = stopwatch_read(&watches[n], PART);
		bench_say(STEPS[n].name, run, reading);
		life.cycles += reading.cycles;
	}
	bench_say("ours", run, life);
	life.cycles = (double)rte_get_tsc_hz() / life.cycles;
	bench_say("a second", run, life);
}

static struct lives open(uint32_t at_a_time, uint32_t ticks) {
	const struct world_size size = {
		.workers = 1,
		.rs = WORLD_RS,
		.laddrs = WORLD_LADDRS,
		.sessions = at_a_time * (ticks + 1),
		.tcp = true,
	};
	struct feed *feed = feed_open();
	struct lives l;

	world_open(&size);
	l = (struct lives){
		.feed = feed,
		.w = bench_worker(feed->dpdk_id),
		.mbufs = world_mbufs(PART),
		.n = at_a_time,
		.all = world_memory(at_a_time * sizeof(*l.all)),
		.order = world_memory(at_a_time * sizeof(*l.order)),
	};
	shuffle(l.order, l.n);
	return l;
}

void bench_tcp(const struct request *r) {
	static struct stopwatch watches[N_STEPS];
	const uint32_t ticks = clock_ticks_from_s(TIME_WAIT_S);
	const uint32_t at_a_time = (r->sessions + PART - 1) / PART * PART;
	struct lives l = open(at_a_time, ticks);

	if (l.w->core->policies[world_vs(0)->policy].timeout[SLB_TCP_TIME_WAIT] != ticks)
		world_fail("TIME_WAIT lasts another time by default");
	for (uint32_t i = 0; i < ticks; i++)
		one_round(&l, 0);
	world_check(l.w->core);
	l.watches = watches;
	for (uint32_t run = 0; run < r->runs; run++) {
		for (uint32_t i = 0; i < ROUNDS; i++)
			one_round(&l, at_a_time * ticks);
		say(run, watches);
	}
}
