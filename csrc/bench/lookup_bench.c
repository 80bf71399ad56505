// SPDX-License-Identifier: BSD-3-Clause

#include "bench/bench.h"
#include "bench/trace.h"
#include "bench/world.h"
#include "path/session_key.h"

#include <rte_hash.h>
#include <rte_lcore.h>
#include <stdlib.h>
#include <string.h>

enum { TRACE = 1 << 20, BURSTS = 2, KEYS = BURSTS * BURST, WARM = 64, ROUNDS = 2000 };

// All that a key consists of, padded as one would for rte_hash.
struct hash_key {
	struct flow_key key;
	uint8_t kind;
	uint8_t zero[3];
};

_Static_assert(sizeof(struct hash_key) == 16, "two words");

static struct hash_key hash_key_of(const struct flow_key *key, uint8_t kind) {
	return (struct hash_key){.key = *key, .kind = kind};
}

static struct rte_hash *hash_of(const struct session_table *t, const char *name, uint32_t entries) {
	const struct rte_hash_parameters parameters = {
		.name = name,
		.entries = entries,
		.key_len = sizeof(struct hash_key),
		.socket_id = SOCKET_ID_ANY,
	};
	struct rte_hash *hash = rte_hash_create(&parameters);

	if (hash == NULL)
		world_fail("no memory for rte_hash");
	for (uint32_t line = session_at(t, 0); line < t->lines; line = session_at(t, line + 1)) {
		const struct session *s = &t->entries[line];
		for (int dir = 0; dir < 2 && s->kind[0] != 0; dir++) {
			struct hash_key key = hash_key_of(&s->key[dir], s->kind[dir]);
			if (rte_hash_add_key(hash, &key) < 0)
				world_fail("rte_hash is full");
		}
	}
	return hash;
}

static void fill_bursts(struct burst *bursts, const struct frame_key **keys, struct trace *t) {
	for (uint32_t i = 0; i < KEYS; i++) {
		const struct frame_key *k = keys[i] = trace_next(t);
		struct burst *b = &bursts[i / BURST];
		b->n = b->n_live = BURST;
		b->plain = false;
		b->live[i % BURST] = (uint8_t)(i % BURST);
		b->pkts[i % BURST] = (struct pkt){.key = k->key, .kind = k->kind};
	}
}

static struct reading ours(struct core *c, struct trace *t, struct stopwatch *w) {
	static struct burst bursts[BURSTS];
	const struct frame_key *keys[KEYS];

	for (uint32_t round = 0; round < WARM + ROUNDS; round++) {
		fill_bursts(bursts, keys, t);
		stopwatch_begin(w);
		for (uint32_t i = 0; i < BURSTS; i++)
			session(&c->sessions, &bursts[i]);
		stopwatch_end(w);
		w->n -= round < WARM;
		for (uint32_t i = 0; i < KEYS; i++) {
			const struct pkt *p = &bursts[i / BURST].pkts[i % BURST];
			if (p->session != &c->sessions.entries[keys[i]->line]
			    || p->dir != keys[i]->dir)
				world_fail("a key did not lead to its session");
		}
	}
	return stopwatch_read(w, KEYS);
}

// The first of a look-up's steps by itself, which parse() does where frames are plain.
static struct reading hashes(struct core *c, struct trace *t, struct stopwatch *w) {
	static struct burst bursts[BURSTS];
	const struct session_index index = session_index(&c->sessions);
	const struct frame_key *keys[KEYS];

	for (uint32_t round = 0; round < WARM + ROUNDS; round++) {
		fill_bursts(bursts, keys, t);
		stopwatch_begin(w);
		for (uint32_t i = 0; i < KEYS; i++)
			session_hash(&index, &bursts[i / BURST].pkts[i % BURST]);
		stopwatch_end(w);
		w->n -= round < WARM;
	}
	return stopwatch_read(w, KEYS);
}

// What no look-up can do without: a burst's first lines are asked for, and when they have come the second ones, which they name.
static uint32_t lines_of(
	const struct session_table *t, const uint32_t *groups, const uint32_t *at
) {
	uint32_t nothing = 0, sum = 0;

	// As far as the compiler knows it is anything, so that a second line cannot be asked for before the first has come.
	__asm__ volatile("" : "+r"(nothing));
	for (uint32_t i = 0; i < BURST; i++)
		rte_prefetch0(&t->groups[groups[i]]);
	for (uint32_t i = 0; i < BURST; i++)
		rte_prefetch0(&t->entries[at[i] + (t->groups[groups[i]].refs[0] & nothing)]);
	for (uint32_t i = 0; i < BURST; i++)
		sum += t->entries[at[i]].key[DIR_IN].src_be;
	return sum;
}

static struct reading lines(struct core *c, struct trace *t, struct stopwatch *w) {
	static struct burst bursts[BURSTS];
	const struct session_index index = session_index(&c->sessions);
	const struct frame_key *keys[KEYS];
	uint32_t groups[KEYS], at[KEYS], sum = 0;

	for (uint32_t round = 0; round < WARM + ROUNDS; round++) {
		fill_bursts(bursts, keys, t);
		for (uint32_t i = 0; i < KEYS; i++) {
			const struct pkt *p = &bursts[i / BURST].pkts[i % BURST];
			groups[i] = session_place(&index, session_key_of_pkt(p)).group;
			at[i] = keys[i]->line;
		}
		stopwatch_begin(w);
		for (uint32_t i = 0; i < KEYS; i += BURST)
			sum += lines_of(&c->sessions, &groups[i], &at[i]);
		stopwatch_end(w);
		w->n -= round < WARM;
	}
	__asm__ volatile("" : : "r"(sum));
	return stopwatch_read(w, KEYS);
}

static struct reading theirs(struct rte_hash *hash, struct trace *t, struct stopwatch *w) {
	static struct hash_key keys[KEYS];
	const void *at[KEYS];
	int32_t places[KEYS];

	for (uint32_t round = 0; round < WARM + ROUNDS; round++) {
		for (uint32_t i = 0; i < KEYS; i++) {
			const struct frame_key *k = trace_next(t);
			keys[i] = hash_key_of(&k->key, k->kind);
			at[i] = &keys[i];
		}
		stopwatch_begin(w);
		for (uint32_t i = 0; i < KEYS; i += RTE_HASH_LOOKUP_BULK_MAX)
			rte_hash_lookup_bulk(hash, &at[i], RTE_HASH_LOOKUP_BULK_MAX, &places[i]);
		stopwatch_end(w);
		w->n -= round < WARM;
		for (uint32_t i = 0; i < KEYS; i++) {
			void *key;
			if (places[i] < 0
			    || rte_hash_get_key_with_position(hash, places[i], &key) != 0
			    || memcmp(key, &keys[i], sizeof(keys[i])) != 0)
				world_fail("rte_hash has lost a key");
		}
	}
	return stopwatch_read(w, KEYS);
}

static void lookups(const struct request *r, bool spoilt) {
	static struct stopwatch w;
	const struct world_size size = {
		.workers = 1, .rs = WORLD_RS, .laddrs = WORLD_LADDRS, .sessions = r->sessions
	};
	struct rte_hash *full, *half;
	struct trace t;

	world_open(&size);
	world_fill(0, r->sessions);
	// For as many keys as there are, which may fill up to 98 % of it; and for twice as many, if it is faster so.
	full = hash_of(&world_core(0)->sessions, "full", 2 * r->sessions);
	half = hash_of(&world_core(0)->sessions, "half", 4 * r->sessions);
	t = trace_draw(world_core(0), TRACE, TRACE_BOTH);
	for (uint32_t i = 0; spoilt && i < t.n; i++)
		t.keys[i].line++;
	for (uint32_t run = 0; run < r->runs; run++) {
		bench_say("ours", run, ours(world_core(0), &t, &w));
		bench_say("hashes", run, hashes(world_core(0), &t, &w));
		bench_say("two lines", run, lines(world_core(0), &t, &w));
		bench_say("rte_hash", run, theirs(full, &t, &w));
		bench_say("rte_hash, roomy", run, theirs(half, &t, &w));
	}
	trace_free(&t);
	rte_hash_free(half);
	rte_hash_free(full);
}

void bench_lookup(const struct request *r) {
	lookups(r, false);
}

void bench_spoilt_lookup(const struct request *r) {
	lookups(r, true);
}

void bench_spoilt_replies(const struct request *r) {
	const struct world_size size = {
		.workers = 1, .rs = WORLD_RS, .laddrs = WORLD_LADDRS, .sessions = r->sessions
	};
	struct session_table *t;
	uint32_t first, next;

	world_open(&size);
	world_fill(0, r->sessions);
	t = &world_core(0)->sessions;
	first = session_at(t, 0);
	next = session_at(t, first + 1);
	t->entries[next].key[DIR_OUT] = t->entries[first].key[DIR_OUT];
	world_check(world_core(0));
}
