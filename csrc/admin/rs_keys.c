// SPDX-License-Identifier: BSD-3-Clause

#include "admin/rs_keys.h"

static uint32_t *bucket_of(const struct admin *a, const struct rs_slot *s) {
	static const struct hash_seed SEED = {0x452821e638d01377ULL, 0xbe5466cf34e90c6cULL};
	uint64_t hash = hash_32(&SEED, s->addr.hi, s->addr.lo, s->port_be, s->vs_id);

	return &a->rs_bucket[hash & a->rs_bucket_mask];
}

void rs_keys_enter(struct admin *a, uint32_t slot) {
	struct rs_slot *s = &a->rs_slots[slot];
	uint32_t *bucket = bucket_of(a, s);

	s->next = *bucket;
	*bucket = slot;
}

void rs_keys_leave(struct admin *a, uint32_t slot) {
	uint32_t *link = bucket_of(a, &a->rs_slots[slot]);

	while (*link != slot)
		link = &a->rs_slots[*link].next;
	*link = a->rs_slots[slot].next;
}

uint32_t rs_keys_find(const struct admin *a, const struct rs_slot *like, bool past) {
	uint32_t slot = *bucket_of(a, like);

	for (; slot != RS_SLOT_NONE; slot = a->rs_slots[slot].next) {
		const struct rs_slot *s = &a->rs_slots[slot];
		if (s != like && s->vs_id == like->vs_id && ipaddr_equal(s->addr, like->addr)
		    && s->port_be == like->port_be && (s->use == RS_SLOT_PAST) == past)
			break;
	}
	return slot;
}
