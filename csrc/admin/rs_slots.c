// SPDX-License-Identifier: BSD-3-Clause

#include "admin/rs_slots.h"

#include "admin/traffic.h"
#include "admin/vs_keys.h"

// Which a walk over slots asks, so nothing else is touched.
static bool has_sessions(const struct admin *a, uint32_t slot) {
	for (uint16_t w = 0; w < a->n_workers; w++)
		if (counter_read(&a->cores[w]->rs[slot].active) > 0)
			return true;
	return false;
}

// Free from now on; what was counted is forgotten.
static void forget(struct admin *a, uint32_t slot) {
	rs_keys_leave(a, slot);
	a->rs_slots[slot].use = RS_SLOT_FREE;
}

// Takes over what slots that were given back have counted for the slot's RS.
static void recall(struct admin *a, struct rs_slot *s) {
	uint32_t past = rs_keys_find(a, s, true);

	if (past == RS_SLOT_NONE)
		return;
	traffic_add(&s->before, &a->rs_slots[past].before);
	forget(a, past);
}

static bool may_be_taken(const struct admin *a, uint32_t slot) {
	const struct rs_slot *s = &a->rs_slots[slot];

	// One that was silent may have made sessions for an RS whose adding was undone long ago.
	return (s->use == RS_SLOT_FREE || s->use == RS_SLOT_PAST) && !has_sessions(a, slot);
}

uint32_t rs_slot_take(struct admin *a, const struct admin_vs *vs, const struct slb_endpoint *rs) {
	for (uint32_t tries = 0; tries < a->rs_max; tries++) {
		uint32_t slot = a->rs_hint;
		struct rs_slot *s = &a->rs_slots[slot], fresh;
		a->rs_hint = (slot + 1) % a->rs_max;
		if (!may_be_taken(a, slot))
			continue;
		fresh = (struct rs_slot){
			.use = RS_SLOT_TAKEN,
			.vs_slot = vs->slot,
			.port_be = rs->port_be,
			.vs_addr = vs->addr,
			.vs_id = vs->id,
			.addr = ipaddr_from_address(&rs->addr),
			.vs_port_be = vs->port_be,
			.vs_proto = vs->proto,
		};
		recall(a, &fresh);
		if (s->use == RS_SLOT_PAST)
			forget(a, slot);
		*s = fresh;
		rs_keys_enter(a, slot);
		return slot;
	}
	return RS_SLOT_NONE;
}

// The slot may be taken; should its RS come again before, that goes on from what was counted.
static void give_back(struct admin *a, uint32_t slot) {
	recall(a, &a->rs_slots[slot]);
	a->rs_slots[slot].use = RS_SLOT_PAST;
}

void rs_slot_forget(struct admin *a, uint32_t slot) {
	if (a->rs_slots[slot].use != RS_SLOT_TAKEN)
		return;
	// A worker may have made sessions before the transaction was undone.
	if (has_sessions(a, slot))
		rs_slot_drain(a, slot);
	else
		give_back(a, slot);
}

void rs_slots_settle(struct admin *a, const uint32_t *slots, uint32_t n) {
	for (uint32_t i = 0; i < n; i++)
		if (a->rs_slots[slots[i]].use == RS_SLOT_TAKEN)
			a->rs_slots[slots[i]].use = RS_SLOT_LIVE;
}

void rs_slot_drain(struct admin *a, uint32_t slot) {
	a->rs_slots[slot].use = RS_SLOT_DRAINING;
	a->n_draining++;
}

struct slb_traffic rs_slot_traffic(const struct admin *a, uint32_t slot) {
	struct slb_traffic sum = {0};

	for (uint16_t w = 0; w < a->n_workers; w++)
		traffic_add_core(&sum, a->cores[w], slot);
	return sum;
}

struct admin_vs *rs_slot_vs(const struct admin *a, const struct rs_slot *s) {
	struct admin_vs *vs = a->vs[s->vs_slot];

	return vs != NULL && vs->id == s->vs_id ? vs : NULL;
}

static void reclaim(struct admin *a, uint32_t slot, const struct slb_traffic *traffic) {
	struct rs_slot *s = &a->rs_slots[slot];
	struct admin_vs *vs = rs_slot_vs(a, s);
	uint32_t heir = rs_keys_find(a, s, false);

	if (vs != NULL)
		traffic_add(&vs->gone, traffic);
	traffic_add(&s->before, traffic);
	if (heir == RS_SLOT_NONE) {
		give_back(a, slot);
		return;
	}
	traffic_add(&a->rs_slots[heir].before, &s->before);
	forget(a, slot);
}

void rs_slots_reclaim(struct admin *a) {
	for (uint32_t slot = 0; slot < a->rs_max && a->n_draining > 0; slot++) {
		struct slb_traffic traffic;
		if (a->rs_slots[slot].use != RS_SLOT_DRAINING || has_sessions(a, slot))
			continue;
		traffic = rs_slot_traffic(a, slot);
		reclaim(a, slot, &traffic);
		a->n_draining--;
	}
}
