// SPDX-License-Identifier: BSD-3-Clause

#include "path/session.h"

#include "path/session_group.h"
#include "path/session_key.h"

#include <errno.h>
#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_prefetch.h>
#include <string.h>

// An involution: the alternative of the alternative is the first group again.
static inline uint32_t other_group(const struct session_table *t, uint32_t group, uint8_t tag) {
	return (group ^ (tag * 0x5bd1e995u)) & t->group_mask;
}

static inline uint32_t ref_id(uint32_t ref) {
	return ref & SESSION_NIL;
}

static inline enum direction ref_dir(uint32_t ref) {
	return ref / REF_DIR & 1;
}

static __rte_always_inline bool entry_has(
	const struct session *s, enum direction dir, struct session_key l
) {
	return s->kind[dir] == l.kind && memcmp(&s->key[dir], l.key, sizeof(*l.key)) == 0
		&& (likely(!(l.kind & KIND_V6))
		    || memcmp(session_addrs(s)->addr[dir], l.addrs6, 2 * IP6_BYTES) == 0);
}

// The reference in group g to the session that has this key, or 0 with *slot unset.
static inline bool group_find(
	const struct session_table *t, const struct session_group *g, struct session_key l,
	uint8_t tag, uint32_t *slot
) {
	for (uint32_t mask = slots_with_tag(g, tag); mask != 0; mask &= mask - 1) {
		uint32_t i = (uint32_t)__builtin_ctz(mask);
		if (entry_has(&t->entries[ref_id(g->refs[i])], ref_dir(g->refs[i]), l)) {
			*slot = i;
			return true;
		}
	}
	return false;
}

// The session that has this key, or NULL with *dir unset.
static inline struct session *table_find(
	const struct session_table *t, struct session_key l, uint32_t group, uint8_t tag,
	uint8_t *dir
) {
	const struct session_group *g = &t->groups[group];
	uint32_t slot;

	if (!group_find(t, g, l, tag, &slot)) {
		if (likely(g->away == 0))
			return NULL;
		g = &t->groups[other_group(t, group, tag)];
		if (!group_find(t, g, l, tag, &slot))
			return NULL;
	}
	*dir = ref_dir(g->refs[slot]);
	return &t->entries[ref_id(g->refs[slot])];
}

static inline void find_hashed(struct session_table *t, struct pkt *p) {
	p->session = table_find(t, session_key_of_pkt(p), p->group, p->tag, &p->dir);
}

// The first entry of a group whose tag fits, which is nearly always the right one, on its way into the cache. False: there is none.
static __rte_always_inline bool guess(
	const struct session_group *g, struct session *entries, struct pkt *p
) {
	uint32_t mask = slots_with_tag(g, p->tag), ref;
	struct session *s;

	if (unlikely(mask == 0))
		return false;
	ref = g->refs[__builtin_ctz(mask)];
	s = &entries[ref_id(ref)];
	rte_prefetch0(s);
	if (pkt_is_v6(p))
		rte_prefetch0(session_addrs(s));
	p->session = s;
	p->dir = ref_dir(ref);
	return true;
}

// The entry that is looked at next when the guess was wrong.
static inline void prefetch_second(
	const struct session_group *g, const struct session *entries, uint8_t tag
) {
	uint32_t mask = slots_with_tag(g, tag);

	mask &= mask - 1;
	if (mask != 0)
		rte_prefetch0(&entries[ref_id(g->refs[__builtin_ctz(mask)])]);
}

static void hash_all(const struct session_table *t, struct burst *b) {
	const struct session_index index = session_index(t);

	for (uint16_t i = 0; i < b->n_live; i++)
		session_hash(&index, &b->pkts[b->live[i]]);
}

// The few keys that are not where they are looked for first, moved to their other group or behind another key with their tag, wait for memory
// together with the rest of the burst, not after it.
void session(struct session_table *t, struct burst *b) {
	const struct session_group *groups = t->groups;
	struct session *entries = t->entries;
	uint8_t moved[BURST], wrong[BURST];
	uint32_t n_moved = 0, n_wrong = 0;
	bool missed = false;

	if (unlikely(!b->plain))
		hash_all(t, b);
	for (uint16_t i = 0, n = b->n_live; i < n; i++) {
		struct pkt *p = &b->pkts[b->live[i]];
		const struct session_group *g = &groups[p->group];
		if (likely(guess(g, entries, p)))
			continue;
		if (likely(g->away == 0)) {
			missed = true;
			continue;
		}
		rte_prefetch0(&groups[other_group(t, p->group, p->tag)]);
		moved[n_moved++] = b->live[i];
	}
	for (uint32_t i = 0; i < n_moved; i++) {
		struct pkt *p = &b->pkts[moved[i]];
		missed |= !guess(&groups[other_group(t, p->group, p->tag)], entries, p);
	}
	for (uint16_t i = 0, n = b->n_live; i < n; i++) {
		struct pkt *p = &b->pkts[b->live[i]];
		if (p->session == NULL
		    || likely(entry_has(p->session, p->dir, session_key_of_pkt(p))))
			continue;
		prefetch_second(&groups[p->group], entries, p->tag);
		wrong[n_wrong++] = b->live[i];
	}
	for (uint32_t i = 0; i < n_wrong; i++) {
		struct pkt *p = &b->pkts[wrong[i]];
		find_hashed(t, p);
		missed |= p->session == NULL;
	}
	b->missed = missed;
}

void session_find(struct session_table *t, struct pkt *p) {
	find_hashed(t, p);
}

struct session *session_lookup(
	const struct session_table *t, const struct flow_key *key, const uint8_t *addrs6,
	uint8_t kind, uint8_t *dir
) {
	const struct session_index index = session_index(t);
	struct session_key l = {key, addrs6, kind};
	struct session_place place = session_place(&index, l);

	return table_find(t, l, place.group, place.tag, dir);
}

uint32_t session_groups(uint32_t capacity) {
	uint64_t needed = ((uint64_t)capacity * 2 * 4 + GROUP_SLOTS * 3 - 1) / (GROUP_SLOTS * 3);
	uint32_t groups = 2;

	while (groups < needed)
		groups *= 2;
	return groups;
}

uint64_t session_bytes(const struct session_table *t) {
	return (uint64_t)t->lines * sizeof(*t->entries)
		+ ((uint64_t)t->group_mask + 1) * sizeof(*t->groups);
}

void session_table_init(
	struct session_table *t, struct session *entries, struct session_group *groups,
	uint32_t narrow, uint32_t wide, struct hash_seed seed
) {
	uint32_t lines = session_lines(narrow, wide);

	*t = (struct session_table){
		.entries = entries,
		.groups = groups,
		.lines = lines,
		.capacity = narrow + wide,
		.group_mask = session_groups(narrow + wide) - 1,
		.regions =
			{
				[SESSION_NARROW] = {.end = narrow, .free_head = SESSION_NIL},
				[SESSION_WIDE] =
					{.first = narrow,
					 .fresh = narrow,
					 .end = lines,
					 .free_head = SESSION_NIL},
			},
		.seed = seed,
	};
}

bool session_is_full(const struct session_table *t, enum session_width width) {
	const struct session_region *r = &t->regions[width];

	return r->free_head == SESSION_NIL && r->fresh >= r->end;
}

uint32_t session_at(const struct session_table *t, uint32_t line) {
	const struct session_region *wide = &t->regions[SESSION_WIDE];

	if (line < t->regions[SESSION_NARROW].fresh)
		return line;
	line = line < wide->first ? wide->first : line + ((line - wide->first) & 1);
	return line < wide->fresh ? line : t->lines;
}

// Moves one key of a full group to that key's other group.
static bool group_make_room(struct session_table *t, uint32_t group) {
	struct session_group *g = &t->groups[group];

	for (uint32_t i = 0; i < GROUP_SLOTS; i++) {
		uint32_t other = other_group(t, group, g->tags[i]);
		if (other == group
		    || !group_put(&t->groups[other], g->tags[i], g->refs[i] ^ REF_MOVED))
			continue;
		if (g->refs[i] & REF_MOVED)
			t->groups[other].away--;
		else
			g->away++;
		g->tags[i] = 0;
		return true;
	}
	return false;
}

static bool group_insert(struct session_table *t, uint32_t group, uint8_t tag, uint32_t ref) {
	uint32_t other = other_group(t, group, tag);

	if (group_put(&t->groups[group], tag, ref))
		return true;
	if (group_put(&t->groups[other], tag, ref | REF_MOVED)) {
		t->groups[group].away++;
		return true;
	}
	if (group_make_room(t, group))
		return group_put(&t->groups[group], tag, ref);
	if (group_make_room(t, other) && group_put(&t->groups[other], tag, ref | REF_MOVED)) {
		t->groups[group].away++;
		return true;
	}
	return false;
}

int session_insert_slowly(
	struct session_table *t, uint32_t id, enum direction dir, struct session_place place
) {
	struct session_key l = session_key_of_entry(&t->entries[id], dir);
	uint32_t group = place.group, slot;
	uint8_t tag = place.tag;

	if (group_find(t, &t->groups[group], l, tag, &slot)
	    || (t->groups[group].away > 0
		&& group_find(t, &t->groups[other_group(t, group, tag)], l, tag, &slot)))
		return -EEXIST;
	return group_insert(t, group, tag, id | (dir == DIR_OUT ? REF_DIR : 0)) ? 0 : -ENOSPC;
}

void session_prefetch_rival(const struct session_table *t, struct session_place place) {
	const struct session_group *g = &t->groups[place.group];

	if (slots_with_tag(g, place.tag) != 0)
		rte_prefetch0(
			&t->entries[ref_id(g->refs[__builtin_ctz(slots_with_tag(g, place.tag))])]
		);
	else
		rte_prefetch0(&t->groups[other_group(t, place.group, place.tag)]);
}

void session_remove_moved(
	struct session_table *t, uint32_t id, enum direction dir, struct session_place place
) {
	uint32_t ref = id | (dir == DIR_OUT ? REF_DIR : 0) | REF_MOVED;

	if (group_drop_ref(&t->groups[other_group(t, place.group, place.tag)], place.tag, ref))
		t->groups[place.group].away--;
}
