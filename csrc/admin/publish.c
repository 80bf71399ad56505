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
	build_free(msg->change.owners);
	build_free(msg->change.laddrs);
	build_free(msg->change.spread);
	rte_free(msg);
}

static struct inbox_msg *change_new(
	struct admin *a, uint16_t worker, uint32_t n_vs, uint32_t n_fresh_rs, uint32_t n_gone_rs
) {
	size_t vs_size = n_vs * sizeof(struct inbox_vs);
	struct inbox_msg *msg = rte_zmalloc_socket(
		"change", sizeof(*msg) + vs_size + (n_fresh_rs + n_gone_rs) * sizeof(uint32_t), 0,
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
	msg->change.gone_rs = msg->change.fresh_rs + n_fresh_rs;
	msg->change.n_fresh_rs = n_fresh_rs;
	msg->change.n_gone_rs = n_gone_rs;
	return msg;
}

int publication_init(
	struct publication *p, struct admin *a, uint32_t n_vs, uint32_t n_fresh_rs,
	uint32_t n_gone_rs
) {
	*p = (struct publication){.admin = a};
	for (uint16_t w = 0; w < a->n_workers; w++) {
		p->msgs[w] = change_new(a, w, n_vs, n_fresh_rs, n_gone_rs);
		p->undos[w] = rte_zmalloc_socket("undo", sizeof(*p->undos[w]), 0, a->socket[w]);
		if (p->msgs[w] == NULL || p->undos[w] == NULL)
			return -ENOMEM;
		p->undos[w]->kind = INBOX_UNDO;
		p->undos[w]->undo = p->msgs[w];
	}
	return 0;
}

void publication_free(struct publication *p) {
	for (uint16_t w = 0; w < p->admin->n_workers; w++) {
		change_free(p->msgs[w]);
		rte_free(p->undos[w]);
	}
}

// Frees the late messages that have been answered, or all of them.
static void free_late(struct admin *a, bool all) {
	struct inbox_msg **link = &a->late;

	while (*link != NULL) {
		struct inbox_msg *msg = *link;
		if (!all && answer(msg) == INBOX_PENDING) {
			link = &msg->next_late;
			continue;
		}
		*link = msg->next_late;
		rte_free(msg);
	}
}

void publish_end(struct admin *a) {
	for (uint16_t w = 0; w < a->n_workers; w++) {
		change_free(a->unsettled[w].change);
		rte_free(a->unsettled[w].undo);
		a->unsettled[w] = (struct unsettled){0};
	}
	free_late(a, true);
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

	if (send(a, worker, p->undos[worker]) && await(a, p->undos[worker]))
		return;
	a->unsettled[worker] =
		(struct unsettled){.undo = p->undos[worker], .change = p->msgs[worker]};
	p->undos[worker] = p->msgs[worker] = NULL;
}

// The first worker that has not carried the change out, or n_workers.
static uint16_t await_all(struct publication *p) {
	uint16_t bad = p->admin->n_workers;

	for (uint16_t w = p->admin->n_workers; w-- > 0;)
		if (!await(p->admin, p->msgs[w]) || answer(p->msgs[w]) != INBOX_OK)
			bad = w;
	return bad;
}

uint16_t publish_silent(struct admin *a) {
	uint16_t silent;

	return settle(a, &silent) ? a->n_workers : silent;
}

int publish_refuse(struct slb_refused *refused, uint16_t silent) {
	refused->worker = silent;
	return refuse(
		refused, EBUSY, SLB_REFUSED_WORKER,
		"worker %u has not answered an earlier change; see its heartbeat", silent
	);
}

int publish(struct publication *p, struct slb_refused *refused) {
	struct admin *a = p->admin;
	uint16_t bad = publish_silent(a);
	bool silent;

	if (bad != a->n_workers)
		return publish_refuse(refused, bad);
	// There is always room: other messages leave it, and no change follows one that is not settled.
	for (uint16_t w = 0; w < a->n_workers; w++)
		send(a, w, p->msgs[w]);
	bad = await_all(p);
	if (bad == a->n_workers) {
		a->generation++;
		return 0;
	}
	silent = answer(p->msgs[bad]) == INBOX_PENDING;
	refused->worker = bad;
	for (uint16_t w = 0; w < a->n_workers; w++)
		take_back(p, w);
	return refuse(
		refused, silent ? ETIMEDOUT : ECANCELED, SLB_REFUSED_WORKER,
		"worker %u %s; no worker keeps the change", bad,
		silent ? "did not answer in time" : "refused the change"
	);
}

static int send_other(struct admin *a, uint16_t worker, struct inbox_msg *msg) {
	free_late(a, false);
	if (rte_ring_free_count(a->inbox[worker]) > CHANGE_AND_UNDO && send(a, worker, msg))
		return 0;
	rte_free(msg);
	return -EBUSY;
}

static void keep_late(struct admin *a, struct inbox_msg *msg) {
	msg->next_late = a->late;
	a->late = msg;
}

int publish_one(struct admin *a, uint16_t worker, struct inbox_msg *msg) {
	int rc = send_other(a, worker, msg);

	if (rc == 0 && !await(a, msg)) {
		rc = -ETIMEDOUT;
		keep_late(a, msg);
	}
	return rc;
}

int publish_post(struct admin *a, uint16_t worker, struct inbox_msg *msg) {
	int rc = send_other(a, worker, msg);

	if (rc == 0)
		keep_late(a, msg);
	return rc;
}

int publish_each(struct admin *a, struct inbox_msg **msgs, uint16_t *silent) {
	bool sent[SLB_MAX_WORKERS];
	int rc = 0;

	for (uint16_t w = 0; w < a->n_workers; w++) {
		sent[w] = send_other(a, w, msgs[w]) == 0;
		if (!sent[w])
			msgs[w] = NULL;
	}
	for (uint16_t w = 0; w < a->n_workers; w++) {
		if (sent[w] && await(a, msgs[w]))
			continue;
		if (rc == 0)
			*silent = w;
		rc = sent[w] ? -ETIMEDOUT : -EBUSY;
		if (sent[w])
			keep_late(a, msgs[w]);
		msgs[w] = NULL;
	}
	return rc;
}
