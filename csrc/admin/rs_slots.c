// SPDX-License-Identifier: BSD-3-Clause

#include "admin/rs_slots.h"

#include "admin/traffic.h"
#include "admin/vs_keys.h"

uint32_t rs_slot_take(struct admin *a, const struct admin_vs *vs, const struct slb_endpoint *rs) {
	for (uint32_t tries = 0; tries < a->rs_max; tries++) {
		uint32_t slot = a->rs_hint;
		struct rs_slot *s = &a->rs_slots[slot];
		a->rs_hint = (slot + 1) % a->rs_max;
		// One that was silent may have made sessions for an RS whose adding was undone long ago.
		if (s->use != RS_SLOT_FREE || rs_slot_traffic(a, slot).active > 0)
			continue;
		*s = (struct rs_slot){
			.use = RS_SLOT_TAKEN,
			.vs_slot = vs->slot,
			.port_be = rs->port_be,
			.vs_addr = vs->addr,
			.vs_id = vs->id,
			.addr = ipaddr_from_address(&rs->addr),
			.vs_port_be = vs->port_be,
			.vs_proto = vs->proto,
		};
		return slot;
	}
	return RS_SLOT_NONE;
}

void rs_slot_free(struct admin *a, uint32_t slot) {
	a->rs_slots[slot].use = RS_SLOT_FREE;
}

void rs_slot_forget(struct admin *a, uint32_t slot) {
	if (a->rs_slots[slot].use != RS_SLOT_TAKEN)
		return;
	// A worker may have made sessions before the transaction was undone.
	if (rs_slot_traffic(a, slot).active > 0)
		rs_slot_drain(a, slot);
	else
		rs_slot_free(a, slot);
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
		traffic_add_core(&sum, &a->cores[w]->rs[slot]);
	return sum;
}

static void give_to_vs(
	struct admin *a, const struct rs_slot *s, const struct slb_traffic *traffic
) {
	struct admin_vs *vs = a->vs[s->vs_slot];

	if (vs != NULL && vs->id == s->vs_id)
		traffic_add(&vs->gone, traffic);
}

void rs_slots_reclaim(struct admin *a) {
	for (uint32_t slot = 0; slot < a->rs_max && a->n_draining > 0; slot++) {
		struct slb_traffic traffic;
		if (a->rs_slots[slot].use != RS_SLOT_DRAINING)
			continue;
		traffic = rs_slot_traffic(a, slot);
		if (traffic.active > 0)
			continue;
		give_to_vs(a, &a->rs_slots[slot], &traffic);
		rs_slot_free(a, slot);
		a->n_draining--;
	}
}
