// SPDX-License-Identifier: BSD-3-Clause
// A change is handed to all workers at once. When all have carried it out it holds. When one refuses or is silent, all
// are told to take it back: the message names the change, so a worker that carried it out swaps the old pointers in
// again, one that refused does nothing, and one that was silent finds both in its inbox, in order.

#include "admin/publish.h"

#include "admin/build.h"
#include "admin/text.h"

#include <errno.h>
#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_ring.h>

// Places in an inbox that other messages may not take, or a worker that was silent could not be told to undo.
enum { CHANGE_AND_UNDO = 2 };

static uint32_t answer(const struct inbox_msg *msg) {
	return __atomic_load_n(&msg->done, __ATOMIC_ACQUIRE);
}

static bool send(struct admin *a, uint16_t worker, struct inbox_msg *msg) {
	return rte_ring_sp_enqueue(a->inbox[worker], msg) == 0;
}

// False: not answered in time.
static bool await(struct admin *a, const struct inbox_msg *msg) {
	uint64_t deadline =
		rte_get_timer_cycles() + a->answer_timeout_ms * rte_get_timer_hz() / 1000;

	while (answer(msg) == INBOX_PENDING) {
		if (rte_get_timer_cycles() > deadline)
			return false;
		a->wait(a->wait_arg);
	}
	return true;
}

static void change_free(struct inbox_msg *msg) {
	if (msg == NULL)
		return;
	for (uint32_t i = 0; i < msg->change.n_vs; i++)
		build_free(msg->change.vs[i].vs);
	build_free(msg->change.vs_index);
	build_free(msg->change.fwd);
	rte_free(msg);
}

static struct inbox_msg *change_new(
	struct admin *a, uint16_t worker, uint32_t n_vs, uint32_t n_fresh_rs
) {
	size_t vs_size = n_vs * sizeof(struct inbox_vs);
	struct inbox_msg *msg = rte_zmalloc_socket(
		"change", sizeof(*msg) + vs_size + n_fresh_rs * sizeof(uint32_t), 0,
		a->socket[worker]
	);

	if (msg == NULL)
		return NULL;
	msg->kind = INBOX_CHANGE;
	msg->change.from = a->generation;
	msg->change.to = a->generation + 1;
	msg->change.vs = (struct inbox_vs *)(msg + 1);
	msg->change.fresh_rs = (uint32_t *)((uint8_t *)(msg + 1) + vs_size);
	msg->change.n_vs = n_vs;
	msg->change.n_fresh_rs = n_fresh_rs;
	return msg;
}

int publication_init(struct publication *p, struct admin *a, uint32_t n_vs, uint32_t n_fresh_rs) {
	*p = (struct publication){.admin = a};
	for (uint16_t w = 0; w < a->n_workers; w++) {
		p->msgs[w] = change_new(a, w, n_vs, n_fresh_rs);
		if (p->msgs[w] == NULL)
			return -ENOMEM;
	}
	return 0;
}

void publication_free(struct publication *p) {
	for (uint16_t w = 0; w < p->admin->n_workers; w++)
		if (p->admin->unsettled[w].change != p->msgs[w] || p->msgs[w] == NULL)
			change_free(p->msgs[w]);
}

// Frees what silent workers have answered since. False: one is still silent.
static bool settle(struct admin *a, uint16_t *silent) {
	for (uint16_t w = 0; w < a->n_workers; w++) {
		struct unsettled *u = &a->unsettled[w];
		if (u->undo == NULL)
			continue;
		if (answer(u->undo) == INBOX_PENDING) {
			*silent = w;
			return false;
		}
		change_free(u->change);
		rte_free(u->undo);
		*u = (struct unsettled){0};
	}
	return true;
}

static void take_back(struct publication *p, uint16_t worker) {
	struct admin *a = p->admin;
	struct inbox_msg *undo = rte_zmalloc_socket("undo", sizeof(*undo), 0, a->socket[worker]);

	if (undo == NULL)
		return;
	undo->kind = INBOX_UNDO;
	undo->undo = p->msgs[worker];
	if (send(a, worker, undo) && await(a, undo)) {
		rte_free(undo);
		return;
	}
	a->unsettled[worker] = (struct unsettled){.undo = undo, .change = p->msgs[worker]};
}

// The first worker that has not carried the change out, or n_workers.
static uint16_t await_all(struct publication *p) {
	uint16_t bad = p->admin->n_workers;

	for (uint16_t w = p->admin->n_workers; w-- > 0;)
		if (!await(p->admin, p->msgs[w]) || answer(p->msgs[w]) != INBOX_OK)
			bad = w;
	return bad;
}

int publish(struct publication *p, struct slb_refused *refused) {
	struct admin *a = p->admin;
	uint16_t bad;
	bool silent;

	if (!settle(a, &bad)) {
		refused->worker = bad;
		return refuse(
			refused, EBUSY, SLB_REFUSED_WORKER,
			"worker %u has not answered an earlier change; see its heartbeat", bad
		);
	}
	// There is always room: other messages leave it, and no change follows one that is not settled.
	for (uint16_t w = 0; w < a->n_workers; w++)
		send(a, w, p->msgs[w]);
	bad = await_all(p);
	if (bad == a->n_workers) {
		a->generation++;
		return 0;
	}
	silent = answer(p->msgs[bad]) == INBOX_PENDING;
	for (uint16_t w = 0; w < a->n_workers; w++)
		take_back(p, w);
	refused->worker = bad;
	return refuse(
		refused, silent ? ETIMEDOUT : ECANCELED, SLB_REFUSED_WORKER,
		"worker %u %s; no worker keeps the change", bad,
		silent ? "did not answer in time" : "refused the change"
	);
}

int publish_one(struct admin *a, uint16_t worker, struct inbox_msg *msg) {
	if (rte_ring_free_count(a->inbox[worker]) <= CHANGE_AND_UNDO || !send(a, worker, msg))
		return -EBUSY;
	return await(a, msg) ? 0 : -ETIMEDOUT;
}
