// SPDX-License-Identifier: BSD-3-Clause
// Workers ask each other for sessions from before a change as long as there may be any. Each counts its sessions in one of two
// epochs. A while after the change, when nothing of before is under way any more, a worker that has lost clients
// begins the other one; when the former is empty, it has nothing that another one would ask for. If a worker
// loses clients again while its former epoch is not empty, it begins the other when it is.

#include "admin/spread.h"

#include "admin/build.h"
#include "admin/publish.h"
#include "admin/traffic.h"
#include "base/clock.h"
#include "base/deal.h"

#include <rte_malloc.h>

// How long what was received before a change may be on its way to a session.
enum { UNDER_WAY_S = 1, CACHE_LINE = 64 };

// From then on a SYN begins a connection, and does not repeat the SYN of one that began before the change.
enum { LATELY_S = 60 };

void spread_init(struct admin *a, const struct slb_config *config) {
	a->spread.n_active = config->n_active != 0 ? config->n_active : config->n_workers;
	memset(a->spread.worker, DEAL_NOBODY, sizeof(a->spread.worker));
	deal_places(a->spread.worker, SPREAD_PLACES, a->spread.n_active);
}

static uint32_t asked_workers(const struct spread_plan *plan) {
	uint32_t all = 0;

	for (uint32_t place = 0; place < SPREAD_PLACES; place++)
		all |= plan->before[place];
	for (uint16_t w = 0; w < SLB_MAX_WORKERS; w++)
		all |= plan->queue_before[w];
	return all;
}

struct spread *build_spread(const struct admin *a, uint16_t worker, int socket) {
	const struct spread_plan *plan = &a->spread;
	struct spread *s = rte_zmalloc_socket("spread", sizeof(*s), CACHE_LINE, socket);

	if (s == NULL)
		return NULL;
	s->n_active = plan->n_active;
	s->active = worker < plan->n_active;
	s->ends = plan->ends && !s->active;
	s->moved = asked_workers(plan) != 0;
	s->lately = plan->lately;
	s->epoch = plan->epoch[worker];
	s->queue_before = plan->queue_before[worker];
	memcpy(s->worker, plan->worker, sizeof(s->worker));
	memcpy(s->before, plan->before, sizeof(s->before));
	return s;
}

static uint64_t sessions_before(const struct admin *a, uint16_t worker) {
	uint8_t former = a->spread.epoch[worker] ^ 1;

	return counter_read(&a->cores[worker]->counters.epochs[former]);
}

static void forget(struct spread_plan *plan, uint16_t worker) {
	uint32_t others = ~(UINT32_C(1) << worker);

	for (uint32_t place = 0; place < SPREAD_PLACES; place++)
		plan->before[place] &= others;
	for (uint16_t w = 0; w < SLB_MAX_WORKERS; w++)
		plan->queue_before[w] &= others;
}

static bool all_ended(const struct admin *a) {
	uint64_t n = 0;

	for (uint16_t w = a->spread.n_active; w < a->n_workers; w++)
		n += __atomic_load_n(&a->cores[w]->sessions.active, __ATOMIC_RELAXED);
	return n == 0;
}

// Returns whether there is anything to be told to the workers.
static bool work_out(const struct admin *a, uint32_t age, struct spread_plan *plan) {
	uint32_t asked = asked_workers(plan);
	bool ended = plan->ends && all_ended(a);
	bool old = plan->lately && age >= clock_ticks_from_s(LATELY_S);
	bool any = ended || old;

	plan->ends &= !ended;
	plan->lately &= !old;
	for (uint16_t w = 0; w < a->n_workers; w++) {
		uint32_t bit = UINT32_C(1) << w;
		if (!(asked & bit) || sessions_before(a, w) > 0)
			continue;
		if (plan->begins & bit)
			plan->epoch[w] ^= 1;
		else
			forget(plan, w);
		plan->begins &= ~bit;
		any = true;
	}
	return any;
}

void spread_settle(struct admin *a) {
	struct spread_plan before = a->spread;
	uint32_t age = __atomic_load_n(&a->cores[0]->now, __ATOMIC_RELAXED) - before.changed_at;
	struct slb_refused refused;

	if (age < clock_ticks_from_s(UNDER_WAY_S) || !work_out(a, age, &a->spread))
		return;
	if (publish_spread(a, &refused) != 0)
		a->spread = before;
}
