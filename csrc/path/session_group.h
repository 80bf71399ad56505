// SPDX-License-Identifier: BSD-3-Clause
// A group of the session table's index, and the usual case of entering a key and taking it out: it is, or comes to be, in its first group.
#pragma once

#include "path/session.h"

#include <rte_branch_prediction.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

// A bit for each slot.
static inline uint32_t slots_with_tag(const struct session_group *g, uint8_t tag) {
#ifdef __SSE2__
	__m128i tags = _mm_load_si128((const __m128i *)g->tags);
	__m128i equal = _mm_cmpeq_epi8(tags, _mm_set1_epi8((char)tag));
	return (uint32_t)_mm_movemask_epi8(equal) & ((1u << GROUP_SLOTS) - 1);
#else
	uint32_t mask = 0;

	for (uint32_t i = 0; i < GROUP_SLOTS; i++)
		mask |= (uint32_t)(g->tags[i] == tag) << i;
	return mask;
#endif
}

static inline bool group_put(struct session_group *g, uint8_t tag, uint32_t ref) {
	uint32_t free_slots = slots_with_tag(g, 0);
	uint32_t slot;

	if (free_slots == 0)
		return false;
	slot = (uint32_t)__builtin_ctz(free_slots);
	g->tags[slot] = tag;
	g->refs[slot] = ref;
	return true;
}

static inline bool group_drop_ref(struct session_group *g, uint8_t tag, uint32_t ref) {
	for (uint32_t mask = slots_with_tag(g, tag); mask != 0; mask &= mask - 1) {
		uint32_t i = (uint32_t)__builtin_ctz(mask);
		if (g->refs[i] == ref) {
			g->tags[i] = 0;
			return true;
		}
	}
	return false;
}

// What the two below do in any case.
int session_insert_slowly(
	struct session_table *t, uint32_t id, enum direction dir, struct session_place place
);
void session_remove_moved(
	struct session_table *t, uint32_t id, enum direction dir, struct session_place place
);

// Asks for what session_insert() of a key that session_insert_fast() did not enter will look at.
void session_prefetch_rival(const struct session_table *t, struct session_place place);

// The usual case of the one below; false: it is another, and nothing was done.
static __rte_always_inline bool session_insert_fast(
	struct session_table *t, uint32_t id, enum direction dir, struct session_place place
) {
	struct session_group *g = &t->groups[place.group];

	return g->away == 0 && slots_with_tag(g, place.tag) == 0
		&& group_put(g, place.tag, id | (dir == DIR_OUT ? REF_DIR : 0));
}

// Enters one of the entry's keys, which leads to `place`: 0, -EEXIST when another session has it, -ENOSPC when both groups are full.
static inline int session_insert(
	struct session_table *t, uint32_t id, enum direction dir, struct session_place place
) {
	if (likely(session_insert_fast(t, id, dir, place)))
		return 0;
	return session_insert_slowly(t, id, dir, place);
}

// The same for a key that no session has.
static inline int session_insert_new(
	struct session_table *t, uint32_t id, enum direction dir, struct session_place place
) {
	if (likely(group_put(
		    &t->groups[place.group], place.tag, id | (dir == DIR_OUT ? REF_DIR : 0)
	    )))
		return 0;
	return session_insert_slowly(t, id, dir, place);
}

// Takes it out again; nothing, if it is not there.
static inline void session_remove(
	struct session_table *t, uint32_t id, enum direction dir, struct session_place place
) {
	uint32_t ref = id | (dir == DIR_OUT ? REF_DIR : 0);

	if (likely(group_drop_ref(&t->groups[place.group], place.tag, ref)))
		return;
	session_remove_moved(t, id, dir, place);
}
