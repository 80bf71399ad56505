// SPDX-License-Identifier: BSD-3-Clause
// What is configured and what the workers count, put together when somebody asks.

#include "admin/admin.h"
#include "admin/laddrs.h"
#include "admin/spread.h"
#include "admin/rs_slots.h"
#include "admin/traffic.h"
#include "admin/vs_keys.h"

#include <string.h>

// Removed RS whose sessions live on count for the VS they were of, if that is still there. One walk for all VS.
static void add_removed(const struct admin *a, struct slb_vs_info *out, uint32_t cap) {
	uint32_t left = a->n_draining;

	for (uint32_t slot = 0; slot < a->rs_max && left > 0; slot++) {
		const struct rs_slot *s = &a->rs_slots[slot];
		const struct admin_vs *vs = rs_slot_vs(a, s);
		struct slb_traffic traffic;
		if (s->use != RS_SLOT_DRAINING)
			continue;
		left--;
		if (vs == NULL || vs->place >= cap)
			continue;
		traffic = rs_slot_traffic(a, slot);
		traffic_add(&out[vs->place].traffic, &traffic);
		out[vs->place].removed_rs++;
	}
}

static void describe_vs(
	const struct admin *a, const struct admin_vs *vs, struct slb_vs_info *info
) {
	*info = (struct slb_vs_info){
		.vs = ipaddr_endpoint(vs->addr, vs->port_be, vs->proto),
		.scheduler = vs->scheduler,
		.one_packet = vs->one_packet,
		.client_address = vs->client_address,
		.syn_proxy = vs->syn_proxy,
		.n_rs = vs->n_rs,
		.generation = vs->generation,
		.traffic = vs->gone,
		.refused = traffic_refused(a, vs->slot) - vs->refused_before,
	};
	memcpy(info->timeout_s, vs->timeout_s, sizeof(info->timeout_s));
	for (const struct admin_rs *rs = vs->rs; rs != NULL; rs = rs->next) {
		struct slb_traffic traffic = rs_slot_traffic(a, rs->slot);
		traffic_add(&info->traffic, &traffic);
		info->draining_rs += rs->weight == 0;
	}
}

int admin_vs_list(struct admin *a, struct slb_vs_info *out, uint32_t cap) {
	uint32_t n = 0;

	rs_slots_reclaim(a);
	for (uint32_t slot = 0; slot < a->vs_max; slot++) {
		if (a->vs[slot] == NULL)
			continue;
		a->vs[slot]->place = n;
		if (n < cap)
			describe_vs(a, a->vs[slot], &out[n]);
		n++;
	}
	add_removed(a, out, cap);
	return (int)n;
}

static void describe_rs(
	const struct admin *a, uint32_t slot, uint16_t weight, struct slb_rs_info *info
) {
	const struct rs_slot *s = &a->rs_slots[slot];
	struct slb_traffic own = rs_slot_traffic(a, slot);

	*info = (struct slb_rs_info){
		.vs = ipaddr_endpoint(s->vs_addr, s->vs_port_be, s->vs_proto),
		.rs = ipaddr_endpoint(s->addr, s->port_be, 0),
		.weight = weight,
		.removed = s->use == RS_SLOT_DRAINING,
		.vs_removed = rs_slot_vs(a, s) == NULL,
		.traffic = s->before,
	};
	traffic_add(&info->traffic, &own);
}

int admin_rs_list(struct admin *a, struct slb_rs_info *out, uint32_t cap) {
	uint32_t n = 0;

	rs_slots_reclaim(a);
	for (uint32_t slot = 0; slot < a->vs_max; slot++) {
		const struct admin_rs *rs = a->vs[slot] != NULL ? a->vs[slot]->rs : NULL;
		for (; rs != NULL; rs = rs->next, n++)
			if (n < cap)
				describe_rs(a, rs->slot, rs->weight, &out[n]);
	}
	for (uint32_t slot = 0; slot < a->rs_max && a->n_draining > 0; slot++) {
		if (a->rs_slots[slot].use != RS_SLOT_DRAINING)
			continue;
		if (n < cap)
			describe_rs(a, slot, 0, &out[n]);
		n++;
	}
	return (int)n;
}

int admin_laddr_list(struct admin *a, struct slb_laddr_info *out, uint32_t cap) {
	uint32_t n = 0;

	laddrs_reclaim(a);
	spread_settle(a);
	for (uint16_t w = 0; w < a->n_workers; w++)
		for (uint16_t slot = 0; slot < SLB_MAX_LADDRS; slot++) {
			const struct admin_laddr *l = &a->laddrs[slot];
			const struct laddr_use *use = &a->cores[w]->laddr_use[slot];
			uint64_t active = counter_read(&use->active);
			if (!(laddr_is_probed(l) && laddr_is_of(l, w)) && active == 0)
				continue;
			if (n++ >= cap)
				continue;
			out[n - 1] = (struct slb_laddr_info){
				.addr = ipaddr_to_address(l->addr),
				.worker = w,
				.port = l->port,
				.active = active,
				.sessions = counter_read(&use->sessions),
				.draining = !l->wanted && !l->waits,
				.waiting = l->waits,
			};
		}
	return (int)n;
}

int admin_drop_list(struct admin *a, uint64_t *out, uint32_t cap) {
	for (uint16_t w = 0; w < a->n_workers; w++)
		for (uint32_t reason = 0; reason < SLB_DROP_COUNT; reason++) {
			uint32_t i = w * SLB_DROP_COUNT + reason;
			if (i < cap)
				out[i] = counter_read(&a->cores[w]->counters.drops[reason]);
		}
	return a->n_workers;
}

// A packet is counted once, for its RS; what a worker has moved is the sum.
static uint64_t sum_bytes(const struct admin *a, const struct core *c, enum direction dir) {
	uint64_t sum = counter_read(&c->counters.past_bytes[dir]);

	for (uint32_t slot = 0; slot < a->rs_max; slot++)
		sum += counter_read(&c->rs[slot].bytes[dir]);
	return sum;
}

int admin_worker_bytes(const struct admin *a, uint64_t *out, uint32_t cap) {
	for (uint16_t w = 0; w < a->n_workers && 2u * w + 1 < cap; w++) {
		out[2 * w] = sum_bytes(a, a->cores[w], DIR_IN);
		out[2 * w + 1] = sum_bytes(a, a->cores[w], DIR_OUT);
	}
	return a->n_workers;
}

int admin_poll_events(struct admin *a, struct slb_event *out, uint32_t cap) {
	uint32_t n = 0;

	for (uint16_t w = 0; w < a->n_workers; w++) {
		struct core *c = a->cores[w];
		uint32_t head = __atomic_load_n(&c->wanted_head, __ATOMIC_ACQUIRE);
		uint32_t tail = c->wanted_tail;
		for (; tail != head && n < cap; tail++, n++) {
			const struct wanted *want = &c->wanted[tail % WANTED_SLOTS];
			out[n] = (struct slb_event){
				.kind = SLB_EVENT_NEIGHBOUR_WANTED,
				.port = want->port,
				.addr = ipaddr_to_address(want->addr),
			};
		}
		__atomic_store_n(&c->wanted_tail, tail, __ATOMIC_RELEASE);
	}
	return (int)n;
}
