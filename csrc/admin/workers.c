// SPDX-License-Identifier: BSD-3-Clause
// The number of workers that clients are spread over changes while there are sessions. Workers first learn whom to ask for a session
// that is not where its client's packets come, then the devices' tables move, then the workers' own: so who gets a
// client's packet always knows who may have its session. If one of the steps fails, those before it are taken back; what
// workers ask too much then, they ask until spread_settle().

#include "admin/admin.h"

#include "admin/build.h"
#include "admin/publish.h"
#include "admin/spread.h"
#include "admin/text.h"
#include "base/deal.h"

#include <errno.h>

int publish_spread(struct admin *a, struct slb_refused *refused) {
	struct publication p;
	int rc = publication_init(&p, a, 0, 0, 0);

	for (uint16_t w = 0; rc == 0 && w < a->n_workers; w++) {
		p.msgs[w]->change.spread = build_spread(a, w, a->socket[w]);
		rc = p.msgs[w]->change.spread != NULL ? 0 : -ENOMEM;
	}
	if (rc == 0)
		rc = publish(&p, refused);
	else
		refuse(refused, ENOMEM, SLB_REFUSED_NO_MEMORY, "no memory to spread clients anew");
	publication_free(&p);
	return rc;
}

// What a change moves: by worker that gets clients, a bit for each that has had them.
struct moves {
	uint32_t queues[SLB_MAX_WORKERS];
	uint32_t lose; // a bit for each worker that has fewer
};

static int ask_ports(
	struct admin *a, uint16_t n, struct moves *moves, struct slb_refused *refused
) {
	char text[SLB_TEXT_LEN] = "";
	struct err e = {text, sizeof(text)};
	int rc = 0;

	for (uint16_t port = 0; rc == 0 && a->shares.plan != NULL && port < a->n_ports; port++)
		rc = a->shares.plan(a->shares.arg, port, a->spread.n_active, n, moves->queues, &e);
	for (uint16_t w = 0; w < a->n_workers; w++)
		moves->lose |= moves->queues[w];
	return rc == 0 ? 0 : refuse(refused, -rc, SLB_REFUSED_STEERING, "%s", text);
}

// All ports' tables, or none.
static int write_tables(struct admin *a, struct slb_refused *refused) {
	char text[SLB_TEXT_LEN] = "";
	struct err e = {text, sizeof(text)};
	uint16_t port = 0;
	int rc = 0;

	for (; rc == 0 && a->shares.write != NULL && port < a->n_ports; port++)
		rc = a->shares.write(a->shares.arg, port, &e);
	if (rc == 0)
		return 0;
	while (port-- > 0)
		a->shares.back(a->shares.arg, port);
	return refuse(refused, -rc, SLB_REFUSED_STEERING, "%s; nothing has changed", text);
}

static void tables_back(struct admin *a) {
	for (uint16_t port = a->n_ports; a->shares.back != NULL && port-- > 0;)
		a->shares.back(a->shares.arg, port);
}

// The plan as it is when all is done.
static void plan_end(
	const struct admin *a, uint16_t n, bool end, struct moves *moves, struct spread_plan *plan
) {
	*plan = a->spread;
	plan->n_active = n;
	plan->ends = end;
	plan->lately = true;
	plan->changed_at = __atomic_load_n(&a->cores[0]->now, __ATOMIC_RELAXED);
	deal_places(plan->worker, SPREAD_PLACES, n);
	for (uint32_t place = 0; place < SPREAD_PLACES; place++) {
		uint32_t was = UINT32_C(1) << a->spread.worker[place];
		if (plan->worker[place] == a->spread.worker[place])
			continue;
		plan->before[place] |= was;
		moves->lose |= was;
	}
	// Whom the former worker of a queue's clients asked, the next one asks too.
	for (uint16_t to = 0; to < a->n_workers; to++) {
		plan->queue_before[to] |= moves->queues[to];
		for (uint16_t from = 0; from < a->n_workers; from++)
			if (moves->queues[to] >> from & 1)
				plan->queue_before[to] |= a->spread.queue_before[from];
	}
	plan->begins |= moves->lose;
}

// The plan for the time in which some workers have carried it out and others have not: clients come to either worker, so either asks
// the other.
static void plan_between(
	const struct admin *a, const struct moves *moves, const struct spread_plan *end,
	struct spread_plan *plan
) {
	*plan = *end;
	plan->n_active = a->spread.n_active;
	plan->ends = false;
	memcpy(plan->worker, a->spread.worker, sizeof(plan->worker));
	for (uint32_t place = 0; place < SPREAD_PLACES; place++) {
		uint32_t will = UINT32_C(1) << end->worker[place];
		if (plan->worker[place] == end->worker[place])
			continue;
		plan->before[place] |= will;
		plan->begins |= will;
	}
	for (uint16_t to = 0; to < a->n_workers; to++)
		for (uint16_t from = 0; from < a->n_workers; from++)
			if (moves->queues[to] >> from & 1) {
				plan->queue_before[from] |= UINT32_C(1) << to;
				plan->begins |= UINT32_C(1) << to;
			}
}

static int carry_out(
	struct admin *a, const struct moves *moves, const struct spread_plan *end,
	struct slb_refused *refused
) {
	struct spread_plan before = a->spread, between;
	int rc;

	plan_between(a, moves, end, &between);
	a->spread = between;
	rc = publish_spread(a, refused);
	if (rc != 0) {
		a->spread = before;
		return rc;
	}
	rc = write_tables(a, refused);
	if (rc != 0)
		return rc;
	a->spread = *end;
	rc = publish_spread(a, refused);
	if (rc != 0) {
		a->spread = between;
		tables_back(a);
	}
	return rc;
}

static int end_now(struct admin *a, bool end, struct slb_refused *refused) {
	bool ended = a->spread.ends;
	int rc;

	a->spread.ends = end;
	rc = publish_spread(a, refused);
	if (rc != 0)
		a->spread.ends = ended;
	return rc;
}

int admin_workers_set(
	struct admin *a, uint16_t n, bool end, uint64_t *generation, struct slb_refused *refused
) {
	struct spread_plan plan;
	struct moves moves = {0};
	int rc = 0;

	*refused = (struct slb_refused){0};
	*generation = a->generation;
	if (n == 0 || n > a->n_workers)
		return refuse(
			refused, EINVAL, SLB_REFUSED_BAD_VALUE,
			"%u workers: 1 ... %u; for more, raise engine.workers_max and restart slbd",
			n, a->n_workers
		);
	spread_settle(a);
	if (n != a->spread.n_active) {
		rc = ask_ports(a, n, &moves, refused);
		if (rc != 0)
			return rc;
		plan_end(a, n, end, &moves, &plan);
		rc = carry_out(a, &moves, &plan, refused);
	} else if (end || a->spread.ends) {
		rc = end_now(a, end, refused);
	}
	*generation = a->generation;
	return rc;
}
