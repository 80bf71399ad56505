// SPDX-License-Identifier: BSD-3-Clause

#include "bench/trace.h"

#include "bench/world.h"

#include <rte_random.h>
#include <stdlib.h>
#include <string.h>

static uint32_t *live_sessions(const struct session_table *t, uint32_t *n) {
	uint32_t *ids = world_memory(t->active * sizeof(*ids));

	*n = 0;
	for (uint32_t line = session_at(t, 0); line < t->lines; line = session_at(t, line + 1))
		if (t->entries[line].kind[DIR_IN] != 0 && *n < t->active)
			ids[(*n)++] = line;
	return ids;
}

static struct frame_key key_of(const struct session_table *t, uint32_t line, enum direction dir) {
	const struct session *s = &t->entries[line];
	struct frame_key k = {.key = s->key[dir], .kind = s->kind[dir], .dir = dir, .line = line};

	if (session_is_v6(s, dir))
		memcpy(k.addrs6, session_addrs(s)->addr[dir], sizeof(k.addrs6));
	return k;
}

struct trace trace_draw(const struct core *c, uint32_t n, enum trace_ways ways) {
	struct trace t = {.n = n, .keys = world_memory(n * sizeof(*t.keys))};
	uint32_t n_live, *ids = live_sessions(&c->sessions, &n_live);

	for (uint32_t i = 0; i < n; i++) {
		uint64_t drawn = rte_rand();
		uint32_t id = ids[(uint32_t)(drawn >> 32) % n_live];
		bool reply = ways == TRACE_REPLIES || drawn & 1;
		t.keys[i] = key_of(&c->sessions, id, reply ? DIR_OUT : DIR_IN);
	}
	free(ids);
	return t;
}

void trace_free(struct trace *t) {
	free(t->keys);
	*t = (struct trace){0};
}

const struct frame_key *trace_next(struct trace *t) {
	const struct frame_key *k = &t->keys[t->at];

	t->at = t->at + 1 == t->n ? 0 : t->at + 1;
	return k;
}

struct frame_key trace_answer(const struct core *c, const struct frame_key *k) {
	const struct session *s = &c->sessions.entries[k->line];
	struct frame_key other;

	if (s->kind[k->dir] != k->kind || memcmp(&s->key[k->dir], &k->key, sizeof(k->key)) != 0)
		world_fail("a session has gone");
	// What arrives from the other side, sent back.
	other = key_of(&c->sessions, k->line, dir_opposite(k->dir));
	return frame_turned(&other);
}

bool trace_is_answer(const struct core *c, const struct frame_key *k, const struct rte_mbuf *m) {
	struct frame_key answer = trace_answer(c, k);

	return frame_is(m, &answer);
}
