// SPDX-License-Identifier: BSD-3-Clause

#include "bench/bench.h"
#include "bench/frame.h"
#include "bench/world.h"
#include "base/clock.h"
#include "path/lifecycle.h"
#include "path/session_key.h"

#include <arpa/inet.h>
#include <rte_hash.h>
#include <string.h>

enum { LIVES = 512, WARM = 16, ROUNDS = 500, PATIENCE = 1 << 24 };

// Of clients beyond all that have sessions.
static void new_client(struct pkt *p, uint32_t n) {
	*p = (struct pkt){
		.key = {.src_be = htonl(0x64400000u + n / 50000),
			.dst_be = htonl(BENCH_VIP),
			.sport_be = htons((uint16_t)(10000 + n % 50000)),
			.dport_be = htons(BENCH_VIP_PORT)},
		.kind = SLB_PROTO_UDP,
		.proto = SLB_PROTO_UDP,
	};
}

// Those that are there have been answered and stay; others end a tick after their packet.
static void stay(struct core *c, const struct vs *vs) {
	struct policy *policy = &c->policies[vs->policy];

	policy->timeout[SLB_UDP_REPLIED] = PATIENCE;
	policy->timeout[SLB_UDP_ONEWAY] = 1;
}

static const struct vs_rs *server(const struct vs *vs, uint32_t n) {
	return &vs->rs[n % vs->n_rs];
}

// The whole, and its two halves.
struct lives {
	struct stopwatch whole, made, ended;
};

static void say(
	const char *side, const char *made, const char *ended, uint32_t run, struct lives *w
) {
	bench_say(side, run, stopwatch_read(&w->whole, LIVES));
	bench_say(made, run, stopwatch_read(&w->made, LIVES));
	bench_say(ended, run, stopwatch_read(&w->ended, LIVES));
}

static void begin(struct lives *w) {
	stopwatch_begin(&w->whole);
	stopwatch_begin(&w->made);
}

static void half(struct lives *w) {
	stopwatch_end(&w->made);
	stopwatch_begin(&w->ended);
}

static void end(struct lives *w, bool warm) {
	stopwatch_end(&w->ended);
	stopwatch_end(&w->whole);
	w->made.n -= warm;
	w->ended.n -= warm;
	w->whole.n -= warm;
}

// Either key leads to the session.
static void check_made(const struct core *c, const struct pkt *p) {
	for (int dir = DIR_IN; dir <= DIR_OUT; dir++) {
		const struct session *s = p->session;
		uint8_t found;
		if (session_lookup(&c->sessions, &s->key[dir], NULL, s->kind[dir], &found) != s
		    || found != dir)
			world_fail("a key does not lead to its session");
	}
}

static void ours(struct core *c, const struct vs *vs, struct lives *w) {
	static struct pkt pkts[LIVES];
	static uint32_t clients;
	const uint32_t standing = c->sessions.active;

	for (uint32_t round = 0; round < WARM + ROUNDS; round++) {
		const struct session_index index = session_index(&c->sessions);
		for (uint32_t i = 0; i < LIVES; i++)
			new_client(&pkts[i], clients++);
		begin(w);
		for (uint32_t i = 0; i < LIVES; i++) {
			// As it is done for a whole burst where that is parsed.
			if (i % BURST == 0)
				for (uint32_t k = i; k < i + BURST; k++)
					session_hash(&index, &pkts[k]);
			session_create(c, &pkts[i], vs, server(vs, i));
		}
		if (c->sessions.active != standing + LIVES)
			world_fail("a session was not made");
		half(w);
		c->now++;
		session_expire(c, UINT32_MAX);
		end(w, round < WARM);
		if (c->sessions.active != standing)
			world_fail("sessions did not end, or too many");
	}
	// Outside of what is timed, since it brings lines into the caches.
	session_create(c, &pkts[0], vs, server(vs, 0));
	check_made(c, &pkts[0]);
	c->now++;
	session_expire(c, UINT32_MAX);
}

static void theirs(struct rte_hash *hash, struct lives *w) {
	static struct {
		uint64_t half[2];
	} keys[LIVES];
	static uint64_t clients;

	for (uint32_t round = 0; round < WARM + ROUNDS; round++) {
		int32_t worst = 0;
		for (uint32_t i = 0; i < LIVES; i++)
			keys[i].half[0] = 1ull << 40 | clients++;
		begin(w);
		for (uint32_t i = 0; i < LIVES; i++)
			worst |= rte_hash_add_key(hash, &keys[i]);
		half(w);
		for (uint32_t i = 0; i < LIVES; i++)
			worst |= rte_hash_del_key(hash, &keys[i]);
		end(w, round < WARM);
		if (worst < 0)
			world_fail("rte_hash lost a key");
	}
}

static struct rte_hash *hash_with(uint32_t standing, uint32_t room) {
	const struct rte_hash_parameters parameters = {
		.name = "life", .entries = room, .key_len = 16, .socket_id = SOCKET_ID_ANY
	};
	struct rte_hash *hash = rte_hash_create(&parameters);

	if (hash == NULL)
		world_fail("no memory for rte_hash");
	for (uint64_t i = 0; i < standing; i++) {
		uint64_t key[2] = {i, 1};
		if (rte_hash_add_key(hash, key) < 0)
			world_fail("rte_hash is full");
	}
	return hash;
}

// As many sessions stand beside as the table is made for, but for the ones that come and go; rte_hash has as many keys.
void bench_life(const struct request *r) {
	static struct lives w;
	const struct world_size size = {
		.workers = 1,
		.rs = WORLD_RS,
		.laddrs = WORLD_LADDRS,
		.sessions = r->sessions + 2 * LIVES,
	};
	struct rte_hash *hash = hash_with(r->sessions, r->sessions + 2 * LIVES);
	struct core *c;

	world_open(&size);
	c = world_core(0);
	world_fill(0, r->sessions);
	stay(c, world_vs(0));
	for (uint32_t run = 0; run < r->runs; run++) {
		ours(c, world_vs(0), &w);
		say("ours", "made", "ended", run, &w);
		theirs(hash, &w);
		say("rte_hash", "added", "deleted", run, &w);
	}
	rte_hash_free(hash);
}
