// SPDX-License-Identifier: BSD-3-Clause

#include "path/frag_table.h"

#include <string.h>

// Each packet of a burst may begin a question, whose later fragments come in bursts behind it, also from other workers: seldom
// may another question have taken its place by then, even where few datagrams are known at a time.
enum { BUCKETS_LEAST = 2, QUESTIONS_LEAST = 4096 };

static uint32_t power_of_two(uint32_t least, uint32_t datagrams) {
	while (least < datagrams)
		least *= 2;
	return least;
}

uint64_t frag_table_bytes(uint32_t datagrams, uint32_t held) {
	uint64_t questions = power_of_two(QUESTIONS_LEAST, datagrams);
	uint64_t buckets = power_of_two(BUCKETS_LEAST, datagrams);

	return datagrams * sizeof(struct datagram) + held * sizeof(struct frag_held)
		+ questions * sizeof(struct frag_question) + buckets * sizeof(uint32_t);
}

// What is aligned most strictly comes first.
static void divide(struct frag_table *t, uint8_t *memory) {
	t->ring = (struct datagram *)memory;
	t->held = (struct frag_held *)(t->ring + t->capacity);
	t->questions = (struct frag_question *)(t->held + t->held_max);
	t->buckets = (uint32_t *)(t->questions + t->question_mask + 1);
}

void frag_table_init(
	struct frag_table *t, void *memory, uint32_t datagrams, uint32_t held, struct hash_seed seed
) {
	*t = (struct frag_table){
		.capacity = datagrams,
		.mask = power_of_two(BUCKETS_LEAST, datagrams) - 1,
		.question_mask = power_of_two(QUESTIONS_LEAST, datagrams) - 1,
		.held_max = held,
		.held_unused = FRAG_NIL,
		.count = (uint32_t)seed.a,
		.seed = seed,
	};
	divide(t, memory);
	for (uint32_t i = 0; i <= t->mask; i++)
		t->buckets[i] = FRAG_NIL;
	for (uint32_t i = 0; i <= t->question_mask; i++)
		t->questions[i] = (struct frag_question){.session = FRAG_NIL};
	for (uint32_t i = held; i > 0; i--) {
		t->held[i - 1] = (struct frag_held){.next = t->held_unused};
		t->held_unused = i - 1;
	}
}

static uint32_t *bucket(const struct frag_table *t, const struct frag_key *key) {
	uint64_t tells = (uint64_t)key->kind << 32 | key->id;
	uint64_t addrs = hash_32(&t->seed, key->src.hi, key->src.lo, key->dst.hi, key->dst.lo);

	return &t->buckets[hash_16(&t->seed, addrs, tells) & t->mask];
}

static bool key_equal(const struct frag_key *a, const struct frag_key *b) {
	return a->id == b->id && a->kind == b->kind && ipaddr_equal(a->src, b->src)
		&& ipaddr_equal(a->dst, b->dst);
}

struct datagram *frag_find(const struct frag_table *t, const struct frag_key *key) {
	for (uint32_t i = *bucket(t, key); i != FRAG_NIL; i = t->ring[i].next)
		if (key_equal(&t->ring[i].key, key))
			return &t->ring[i];
	return NULL;
}

struct datagram *frag_add(struct frag_table *t, const struct frag_key *key, uint32_t now) {
	uint32_t place = (uint32_t)(((uint64_t)t->oldest + t->n) % t->capacity);
	uint32_t *first = bucket(t, key);
	struct datagram *d = &t->ring[place];

	*d = (struct datagram){
		.key = *key,
		.next = *first,
		.born = now,
		.held_first = FRAG_NIL,
		.held_last = FRAG_NIL,
	};
	*first = place;
	t->n++;
	return d;
}

void frag_remove_oldest(struct frag_table *t) {
	uint32_t *link = bucket(t, &t->ring[t->oldest].key);

	while (*link != t->oldest)
		link = &t->ring[*link].next;
	*link = t->ring[t->oldest].next;
	t->oldest = t->oldest + 1 == t->capacity ? 0 : t->oldest + 1;
	t->n--;
}

bool frag_hold(struct frag_table *t, struct datagram *d, struct rte_mbuf *m, uint32_t bytes) {
	uint32_t place = t->held_unused;

	if (place == FRAG_NIL || t->held_bytes + bytes > FRAG_HELD_BYTES)
		return false;
	t->held_unused = t->held[place].next;
	t->held[place] = (struct frag_held){.m = m, .next = FRAG_NIL, .bytes = bytes};
	if (d->held_first == FRAG_NIL)
		d->held_first = place;
	else
		t->held[d->held_last].next = place;
	d->held_last = place;
	t->held_bytes += bytes;
	return true;
}

struct rte_mbuf *frag_release(struct frag_table *t, struct datagram *d) {
	uint32_t place = d->held_first;
	struct frag_held *h = &t->held[place];

	if (place == FRAG_NIL)
		return NULL;
	d->held_first = h->next;
	h->next = t->held_unused;
	t->held_unused = place;
	t->held_bytes -= h->bytes;
	return h->m;
}
