// SPDX-License-Identifier: BSD-3-Clause
// Cycles a packet by stage of the path. What is left when the accounts of all stages are taken off is path.c's own: its loading and settling.

#include "bench/bench.h"
#include "bench/segment.h"
#include "bench/spoil.h"
#include "bench/trace.h"
#include "bench/world.h"
#include "path/lifecycle.h"
#include "path/path.h"

#include <stdio.h>

enum {
	BURSTS = 4,
	FRAMES = BURSTS * BURST,
	WARM = 64,
	ROUNDS = 1000,
	TRACE = 1 << 18,
	PATIENCE = 1 << 24,
};

struct kind {
	const char *name;
	bool v6;
	bool tcp;
};

enum way { WAY_IN, WAY_OUT, WAY_NEW, WAYS };

static const char *const WAY_NAMES[WAYS] = {"in", "out", "new"};

struct stages {
	const struct kind *kind;
	struct core *core;
	struct trace traces[WAY_NEW]; // by direction
	struct rte_mbuf **mbufs; // FRAMES
	const struct frame_key *sent[FRAMES];
	uint32_t clients; // that have been
};

static void write_frame(const struct stages *s, struct rte_mbuf *m, const struct frame_key *k) {
	frame_write(m, k);
	if (s->kind->tcp)
		segment_from_udp(m, RTE_TCP_ACK_FLAG);
}

static void write_first(struct stages *s, struct rte_mbuf *m) {
	frame_first(m, s->clients++, s->kind->v6);
	if (s->kind->tcp)
		segment_from_udp(m, RTE_TCP_SYN_FLAG);
}

static void run_path(struct stages *s, uint32_t n) {
	static struct burst b;

	for (uint32_t at = 0; at < n; at += BURST) {
		path_run(s->core, &b, &s->mbufs[at], BURST, FROM_PORT);
		for (uint32_t i = 0; i < BURST; i++)
			if (b.pkts[i].verdict != VERDICT_TX)
				world_fail("a packet was not sent on");
	}
}

// From now on those that are there stay, and others end a tick after their first packet.
static void establish(struct stages *s) {
	const struct session_table *t = &s->core->sessions;
	uint8_t there = s->kind->tcp ? SLB_TCP_ESTABLISHED : SLB_UDP_REPLIED;
	struct policy *policy = &s->core->policies[world_vs(0)->policy];

	for (uint32_t line = session_at(t, 0); line < t->lines; line = session_at(t, line + 1))
		t->entries[line].state = there;
	policy->timeout[there] = PATIENCE;
	policy->timeout[s->kind->tcp ? SLB_TCP_SYN_SENT : SLB_UDP_ONEWAY] = 1;
}

static struct trace trace_of(const struct core *c, enum direction dir) {
	struct trace t = trace_draw(c, TRACE, dir == DIR_OUT ? TRACE_REPLIES : TRACE_BOTH);
	uint32_t kept = 0;

	for (uint32_t i = 0; i < t.n; i++)
		if (t.keys[i].dir == dir)
			t.keys[kept++] = t.keys[i];
	t.n = kept;
	return t;
}

static void open_kind(struct stages *s, const struct kind *kind, uint32_t sessions) {
	const struct world_size size = {
		.workers = 1,
		.rs = WORLD_RS,
		.laddrs = WORLD_LADDRS,
		.sessions = sessions + 2 * FRAMES,
		.v6 = kind->v6,
		.tcp = kind->tcp,
	};

	world_open(&size);
	s->kind = kind;
	s->core = world_core(0);
	s->clients = 0;
	while (s->clients < sessions) {
		for (uint32_t i = 0; i < FRAMES; i++)
			write_first(s, s->mbufs[i]);
		run_path(s, FRAMES);
	}
	world_check(s->core);
	establish(s);
	for (int dir = DIR_IN; dir <= DIR_OUT; dir++)
		s->traces[dir] = trace_of(s->core, dir);
}

static void frames(struct stages *s, enum way way) {
	for (uint32_t i = 0; i < FRAMES; i++)
		if (way == WAY_NEW)
			write_first(s, s->mbufs[i]);
		else
			write_frame(s, s->mbufs[i], s->sent[i] = trace_next(&s->traces[way]));
}

// All checksums and, one in each round, another one each time, where it goes.
static void check(const struct stages *s, enum way way, uint32_t round) {
	uint32_t i = round % FRAMES;
	bool right = true;

	spoil(s->mbufs[i]);
	for (uint32_t k = 0; k < FRAMES; k++)
		right = right && frame_is_right(s->mbufs[k]);
	if (way == WAY_NEW)
		right = right && world_is_to_rs(s->mbufs[i]);
	else
		right = right && trace_is_answer(s->core, s->sent[i], s->mbufs[i]);
	if (!right)
		world_fail("a packet did not become what it must");
}

static void end_new(struct core *c, uint32_t standing) {
	c->now += 2;
	while (session_expire(c, BURST) == BURST)
		;
	if (c->sessions.active != standing)
		world_fail("sessions did not end, or too many");
}

static void measure(struct stages *s, enum way way, uint32_t run) {
	static struct stopwatch watch;
	const uint32_t standing = s->core->sessions.active;
	char side[64];

	for (uint32_t i = 0; i < WARM + ROUNDS; i++) {
		frames(s, way);
		stopwatch_begin(&watch);
		run_path(s, FRAMES);
		stopwatch_end(&watch);
		watch.n -= i < WARM;
		check(s, way, i);
		if (way == WAY_NEW)
			end_new(s->core, standing);
	}
	snprintf(side, sizeof(side), "%s.%s", s->kind->name, WAY_NAMES[way]);
	bench_say(side, run, stopwatch_read(&watch, FRAMES));
}

void bench_stages(const struct request *r) {
	static const struct kind KINDS[] = {
		{"udp4", false, false},
		{"udp6", true, false},
		{"tcp4", false, true},
		{"tcp6", true, true},
	};
	static struct stages s;

	s.mbufs = world_mbufs(FRAMES);
	for (uint32_t run = 0; run < r->runs; run++)
		for (size_t k = 0; k < sizeof(KINDS) / sizeof(KINDS[0]); k++) {
			open_kind(&s, &KINDS[k], r->sessions);
			for (enum way way = WAY_IN; way < WAYS; way++)
				measure(&s, way, run);
			for (int dir = DIR_IN; dir <= DIR_OUT; dir++)
				trace_free(&s.traces[dir]);
		}
}
