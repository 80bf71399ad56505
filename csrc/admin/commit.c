// SPDX-License-Identifier: BSD-3-Clause
// A transaction on VS and RS: work it out on copies, build every worker's objects, publish, keep or undo.

#include "admin/build.h"
#include "admin/publish.h"
#include "admin/rs_slots.h"
#include "admin/tables.h"
#include "admin/text.h"

#include <errno.h>
#include <string.h>

static int no_memory(struct slb_refused *refused, uint16_t worker) {
	refused->worker = worker;
	return refuse(
		refused, ENOMEM, SLB_REFUSED_NO_MEMORY,
		"no memory for the change on worker %u's NUMA node; raise engine.memory_mb", worker
	);
}

static int build_worker(const struct txn *t, struct inbox_change *change, int socket) {
	for (uint32_t i = 0; i < t->n_touched; i++) {
		const struct touched_vs *touched = &t->touched[i];
		change->vs[i].slot = touched->slot;
		if (touched->after == NULL)
			continue;
		change->vs[i].vs = build_vs(touched->after, t->admin->rs_max, socket);
		if (change->vs[i].vs == NULL)
			return -ENOMEM;
	}
	txn_gone_rs(t, change->gone_rs);
	memcpy(change->fresh_rs, t->fresh_rs, t->n_fresh_rs * sizeof(*t->fresh_rs));
	if (t->keys_changed) {
		change->vs_index = build_vs_index(t->admin, socket);
		if (change->vs_index == NULL)
			return -ENOMEM;
	}
	return 0;
}

static int build_and_publish(struct txn *t, struct slb_refused *refused) {
	struct admin *a = t->admin;
	struct publication p;
	int rc = publication_init(&p, a, t->n_touched, t->n_fresh_rs, txn_gone_rs(t, NULL));
	uint16_t w = 0;

	for (; rc == 0 && w < a->n_workers; w++)
		rc = build_worker(t, &p.msgs[w]->change, a->socket[w]);
	rc = rc == 0 ? publish(&p, refused) : no_memory(refused, w > 0 ? w - 1 : 0);
	publication_free(&p);
	return rc;
}

int admin_commit(
	struct admin *a, const struct slb_op *ops, uint32_t n, uint64_t *generation,
	struct slb_refused *refused
) {
	// Before slots of RS are taken, which must have no sessions.
	const uint16_t silent = publish_silent(a);
	struct txn t;
	int rc;

	*refused = (struct slb_refused){0};
	rs_slots_reclaim(a);
	rc = txn_init(&t, a, n > 0 ? n : 1, refused);
	if (rc != 0)
		return no_memory(refused, 0);
	for (uint32_t i = 0; rc == 0 && i < n; i++) {
		refused->op = i;
		rc = txn_apply(&t, &ops[i]);
	}
	if (rc == 0 && silent != a->n_workers)
		rc = publish_refuse(refused, silent);
	if (rc == 0)
		rc = build_and_publish(&t, refused);
	if (rc == 0)
		txn_keep(&t, a->generation);
	else
		txn_undo(&t);
	txn_free(&t);
	*generation = a->generation;
	return rc;
}
