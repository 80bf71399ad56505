// SPDX-License-Identifier: BSD-3-Clause
// Local addresses that come and go. Workers first learn whose an address is and then may use it, and the other way round when it
// goes, so that a reply finds its worker as long as there is a session.

#include "admin/laddrs.h"

#include "admin/build.h"
#include "admin/check_laddrs.h"
#include "admin/publish.h"
#include "admin/text.h"
#include "admin/traffic.h"

#include <errno.h>
#include <string.h>

uint32_t laddrs_of_worker(const struct admin *a, uint16_t worker, enum laddr_family family) {
	uint32_t n = 0;

	for (uint16_t slot = 0; slot < SLB_MAX_LADDRS; slot++) {
		const struct admin_laddr *l = &a->laddrs[slot];
		n += laddr_serves(l, worker) && laddr_family_of(l) == family;
	}
	return n;
}

uint16_t laddr_slot(const struct admin *a, struct ipaddr addr) {
	uint16_t slot = 0;

	while (slot < SLB_MAX_LADDRS
	       && (a->laddrs[slot].use == LADDR_FREE || !ipaddr_equal(a->laddrs[slot].addr, addr)))
		slot++;
	return slot;
}

static void count_by_port(struct admin *a) {
	uint16_t n[SLB_MAX_PORTS] = {0};

	for (uint16_t slot = 0; slot < SLB_MAX_LADDRS; slot++)
		if (a->laddrs[slot].use != LADDR_FREE)
			n[a->laddrs[slot].port]++;
	for (uint16_t port = 0; port < a->n_ports; port++)
		__atomic_store_n(&a->ports[port].n_laddrs, n[port], __ATOMIC_RELAXED);
}

void laddrs_init(
	struct admin *a, const struct slb_config *config, const struct rss_port *const *rss
) {
	for (uint16_t i = 0; i < config->n_laddrs; i++)
		a->laddrs[i] = (struct admin_laddr){
			.use = LADDR_THERE,
			.wanted = true,
			.port = config->laddrs[i].port,
			.worker = config->laddrs[i].worker,
			.addr = ipaddr_from_address(&config->laddrs[i].addr),
			.rss = rss[i],
		};
	count_by_port(a);
}

// ---- publishing ----

enum what { OWNERS, SETS };

static int build(const struct admin *a, struct inbox_change *change, enum what what, uint16_t w) {
	if (what == OWNERS)
		change->owners = build_owners(a, a->socket[w]);
	else
		change->laddrs = build_laddr_set(a, w, a->socket[w]);
	return change->owners == NULL && change->laddrs == NULL ? -ENOMEM : 0;
}

static int bring(struct admin *a, enum what what, struct slb_refused *refused) {
	struct publication p;
	int rc = publication_init(&p, a, 0, 0, 0);

	for (uint16_t w = 0; rc == 0 && w < a->n_workers; w++)
		rc = build(a, &p.msgs[w]->change, what, w);
	if (rc == 0)
		rc = publish(&p, refused);
	else
		refuse(refused, ENOMEM, SLB_REFUSED_NO_MEMORY, "no memory for local addresses");
	publication_free(&p);
	return rc;
}

// ---- going ----

static void give_up(struct admin *a, struct admin_laddr *l) {
	struct slb_address addr = ipaddr_to_address(l->addr);

	if (a->steering.remove != NULL)
		a->steering.remove(a->steering.arg, &addr, l->port);
	*l = (struct admin_laddr){0};
}

static uint64_t sessions_at(const struct admin *a, uint16_t slot) {
	uint64_t n = 0;

	for (uint16_t w = 0; w < a->n_workers; w++)
		n += counter_read(&a->cores[w]->laddr_use[slot].active);
	return n;
}

void laddrs_reclaim(struct admin *a) {
	struct slb_refused refused;
	uint16_t n = 0;
	int rc;

	for (uint16_t slot = 0; slot < SLB_MAX_LADDRS; slot++) {
		struct admin_laddr *l = &a->laddrs[slot];
		if (l->use != LADDR_THERE || l->wanted || l->waits || sessions_at(a, slot) > 0)
			continue;
		l->use = LADDR_GOING;
		n++;
	}
	if (n == 0)
		return;
	rc = bring(a, OWNERS, &refused);
	for (uint16_t slot = 0; slot < SLB_MAX_LADDRS; slot++) {
		struct admin_laddr *l = &a->laddrs[slot];
		if (l->use == LADDR_GOING && rc == 0)
			give_up(a, l);
		else if (l->use == LADDR_GOING)
			l->use = LADDR_THERE;
	}
	count_by_port(a);
}

// ---- coming ----

// How many a worker has of those that are not shared: of a family, and of a port, or of all.
static uint16_t load(const struct admin *a, uint16_t worker, int family, int port) {
	uint16_t n = 0;

	for (uint16_t slot = 0; slot < SLB_MAX_LADDRS; slot++) {
		const struct admin_laddr *l = &a->laddrs[slot];
		n += l->use != LADDR_FREE && l->wanted && l->rss == NULL && l->worker == worker
			&& (family < 0 || (int)laddr_family_of(l) == family)
			&& (port < 0 || l->port == port);
	}
	return n;
}

// The one with the fewest of the family on the port, of these the one with the fewest of the family, and of these with the fewest.
static uint16_t choose_worker(const struct admin *a, enum laddr_family family, uint16_t port) {
	uint64_t least = UINT64_MAX;
	uint16_t best = 0;

	for (uint16_t w = 0; w < a->n_workers; w++) {
		uint64_t n = (uint64_t)load(a, w, family, port) << 32
			| (uint64_t)load(a, w, family, -1) << 16 | load(a, w, -1, -1);
		if (n < least)
			best = w;
		least = n < least ? n : least;
	}
	return best;
}

static void deal(struct admin *a) {
	for (uint16_t slot = 0; slot < SLB_MAX_LADDRS; slot++) {
		struct admin_laddr *l = &a->laddrs[slot];
		struct slb_address addr = ipaddr_to_address(l->addr);
		if (l->use != LADDR_COMING)
			continue;
		l->worker = choose_worker(a, laddr_family_of(l), l->port);
		if (a->steering.add != NULL)
			l->rss = a->steering.add(a->steering.arg, &addr, l->port, l->worker);
		for (uint16_t w = 0; w < a->n_workers; w++)
			a->cores[w]->laddr_use[slot] = (struct laddr_use){0};
	}
}

static int take_slot(struct admin *a, const struct slb_laddr *from, struct slb_refused *refused) {
	uint16_t slot = 0;

	while (slot < SLB_MAX_LADDRS && a->laddrs[slot].use != LADDR_FREE)
		slot++;
	if (slot == SLB_MAX_LADDRS)
		return refuse(
			refused, ENOSPC, SLB_REFUSED_LADDR_FULL,
			"more than %d local addresses, with those whose last sessions live on",
			SLB_MAX_LADDRS
		);
	a->laddrs[slot] = (struct admin_laddr){
		.use = LADDR_COMING,
		.wanted = true,
		.port = from->port,
		.worker = UINT16_MAX, // not dealt yet
		.addr = ipaddr_from_address(&from->addr),
	};
	return 0;
}

// Marks what is wanted; what comes takes a slot.
static int work_out(
	struct admin *a, const struct slb_laddr *laddrs, uint32_t n, struct slb_refused *refused
) {
	int rc = 0;

	for (uint16_t slot = 0; slot < SLB_MAX_LADDRS; slot++) {
		a->laddrs[slot].was_wanted = a->laddrs[slot].wanted;
		a->laddrs[slot].wanted = false;
	}
	for (uint32_t i = 0; rc == 0 && i < n; i++) {
		uint16_t slot = laddr_slot(a, ipaddr_from_address(&laddrs[i].addr));
		struct admin_laddr *l = slot < SLB_MAX_LADDRS ? &a->laddrs[slot] : NULL;
		refused->op = i;
		rc = check_laddr(a, &laddrs[i], l, refused);
		if (rc == 0 && l != NULL)
			l->wanted = true;
		else if (rc == 0)
			rc = take_slot(a, &laddrs[i], refused);
	}
	return rc;
}

static bool any(const struct admin *a, bool (*is)(const struct admin_laddr *l)) {
	for (uint16_t slot = 0; slot < SLB_MAX_LADDRS; slot++)
		if (is(&a->laddrs[slot]))
			return true;
	return false;
}

static bool comes(const struct admin_laddr *l) {
	return l->use == LADDR_COMING;
}

static bool changes(const struct admin_laddr *l) {
	return l->wanted != l->was_wanted;
}

static int carry_out(struct admin *a, bool only_prepare, struct slb_refused *refused) {
	int rc = any(a, comes) ? bring(a, OWNERS, refused) : 0;

	if (rc != 0)
		return rc;
	for (uint16_t slot = 0; slot < SLB_MAX_LADDRS; slot++)
		if (a->laddrs[slot].use == LADDR_COMING)
			a->laddrs[slot].use = LADDR_THERE;
	return !only_prepare && any(a, changes) ? bring(a, SETS, refused) : 0;
}

// What comes, if it has been prepared; nothing else waits any more.
static void mark_waiting(struct admin *a, bool prepared) {
	for (uint16_t slot = 0; slot < SLB_MAX_LADDRS; slot++) {
		struct admin_laddr *l = &a->laddrs[slot];
		l->waits = prepared && l->wanted && !l->was_wanted;
	}
}

// Of one that the workers own by now some may have sessions already.
static void undo(struct admin *a) {
	for (uint16_t slot = 0; slot < SLB_MAX_LADDRS; slot++) {
		struct admin_laddr *l = &a->laddrs[slot];
		l->wanted = l->was_wanted;
		if (l->use == LADDR_COMING)
			give_up(a, l);
	}
}

int admin_laddr_set(
	struct admin *a, const struct slb_laddr *laddrs, uint32_t n, bool only_prepare,
	uint64_t *generation, struct slb_refused *refused
) {
	int rc;

	*refused = (struct slb_refused){0};
	laddrs_reclaim(a);
	rc = work_out(a, laddrs, n, refused);
	if (rc == 0)
		rc = check_conflicts(a, laddrs, n, refused);
	if (rc == 0) {
		deal(a);
		rc = check_workers(a, refused);
	}
	if (rc == 0)
		rc = carry_out(a, only_prepare, refused);
	mark_waiting(a, rc == 0 && only_prepare);
	if (rc != 0 || only_prepare)
		undo(a);
	laddrs_reclaim(a);
	count_by_port(a);
	*generation = a->generation;
	return rc;
}
