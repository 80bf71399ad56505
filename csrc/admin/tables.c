// SPDX-License-Identifier: BSD-3-Clause

#include "admin/tables.h"

#include "admin/check.h"
#include "admin/policies.h"
#include "admin/rs_slots.h"
#include "admin/text.h"
#include "admin/traffic.h"
#include "admin/vs_keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int txn_init(struct txn *t, struct admin *a, uint32_t n, struct slb_refused *refused) {
	*t = (struct txn){.admin = a, .refused = refused};
	t->touched = calloc(n, sizeof(*t->touched));
	t->fresh_rs = calloc(n, sizeof(*t->fresh_rs));
	if (t->touched != NULL && t->fresh_rs != NULL)
		return 0;
	txn_free(t);
	return -ENOMEM;
}

void txn_free(struct txn *t) {
	free(t->touched);
	free(t->fresh_rs);
	t->touched = NULL;
	t->fresh_rs = NULL;
}

static struct admin_rs *rs_copies(const struct admin_rs *from) {
	struct admin_rs *first = NULL, **link = &first;

	for (; from != NULL; from = from->next, link = &(*link)->next) {
		*link = malloc(sizeof(**link));
		if (*link == NULL)
			break;
		**link = *from;
		(*link)->next = NULL;
	}
	return first;
}

static struct admin_vs *vs_copy(struct admin *a, const struct admin_vs *from) {
	struct admin_vs *vs = malloc(sizeof(*vs));
	uint32_t n = 0;

	if (vs == NULL)
		return NULL;
	*vs = *from;
	policy_keep(a, vs->policy);
	vs->rs = rs_copies(from->rs);
	for (const struct admin_rs *rs = vs->rs; rs != NULL; rs = rs->next)
		n++;
	if (n == from->n_rs)
		return vs;
	admin_vs_free(a, vs);
	return NULL;
}

static struct touched_vs *find_touched(struct txn *t, uint16_t slot) {
	for (uint32_t i = t->n_touched; i-- > 0;)
		if (t->touched[i].slot == slot)
			return &t->touched[i];
	return NULL;
}

static struct touched_vs *touch(struct txn *t, uint16_t slot) {
	struct admin *a = t->admin;
	struct touched_vs *touched = find_touched(t, slot);
	struct admin_vs *copy;

	if (touched != NULL)
		return touched;
	copy = vs_copy(a, a->vs[slot]);
	if (copy == NULL)
		return NULL;
	touched = &t->touched[t->n_touched++];
	*touched = (struct touched_vs){.slot = slot, .before = a->vs[slot], .after = copy};
	a->vs[slot] = copy;
	return touched;
}

static int no_memory(struct txn *t) {
	return refuse(t->refused, ENOMEM, SLB_REFUSED_NO_MEMORY, "no memory for the change");
}

// Takes the operation's attributes over; the VS must have a policy.
static int set_attributes(struct txn *t, struct admin_vs *vs, const struct slb_op *op) {
	struct admin *a = t->admin;
	uint8_t policy = policy_take(a, op);
	char text[ENDPOINT_TEXT];

	if (policy == POLICY_NONE)
		return refuse(
			t->refused, ENOSPC, SLB_REFUSED_VS_FULL,
			"VS %s: %d different sets of time-outs are in use; use one of them",
			endpoint_text(&op->vs, text), POLICIES
		);
	policy_give(a, vs->policy);
	vs->policy = policy;
	vs->scheduler = op->scheduler;
	vs->one_packet = op->one_packet;
	vs->client_address = op->client_address;
	vs->syn_proxy = op->syn_proxy;
	memcpy(vs->timeout_s, op->timeout_s, sizeof(vs->timeout_s));
	return 0;
}

static int add_vs(struct txn *t, const struct slb_op *op) {
	struct admin *a = t->admin;
	struct touched_vs *touched;
	struct admin_vs *vs;
	char text[ENDPOINT_TEXT];
	uint16_t slot = vs_keys_free_slot(a);

	if (slot == VS_NONE)
		return refuse(
			t->refused, ENOSPC, SLB_REFUSED_VS_FULL,
			"VS %s: all %u VS slots are taken; raise engine.vs_max",
			endpoint_text(&op->vs, text), a->vs_max
		);
	vs = calloc(1, sizeof(*vs));
	if (vs == NULL)
		return no_memory(t);
	vs->id = ++a->last_vs_id;
	vs->addr = ipaddr_from_address(&op->vs.addr);
	vs->port_be = op->vs.port_be;
	vs->proto = op->vs.proto;
	vs->slot = slot;
	vs->refused_before = traffic_refused(a, slot);
	policy_keep(a, vs->policy);
	// A slot that this very transaction emptied may be the one.
	touched = find_touched(t, slot);
	if (touched == NULL) {
		touched = &t->touched[t->n_touched++];
		*touched = (struct touched_vs){.slot = slot};
	}
	touched->after = vs;
	t->keys_changed = true;
	a->vs[slot] = vs;
	vs_keys_enter(a, slot);
	return set_attributes(t, vs, op);
}

static int delete_vs(struct txn *t, uint16_t slot) {
	struct admin *a = t->admin;
	struct touched_vs *touched = touch(t, slot);

	if (touched == NULL)
		return no_memory(t);
	vs_keys_leave(a, slot);
	for (const struct admin_rs *rs = touched->after->rs; rs != NULL; rs = rs->next)
		rs_slot_forget(a, rs->slot);
	admin_vs_free(a, touched->after);
	touched->after = NULL;
	a->vs[slot] = NULL;
	t->keys_changed = true;
	return 0;
}

struct admin_rs **rs_link(struct admin_vs *vs, const struct slb_endpoint *key) {
	struct ipaddr addr = ipaddr_from_address(&key->addr);
	struct admin_rs **link = &vs->rs;

	while (*link != NULL
	       && (!ipaddr_equal((*link)->addr, addr) || (*link)->port_be != key->port_be))
		link = &(*link)->next;
	return link;
}

static int add_rs(
	struct txn *t, struct admin_vs *vs, struct admin_rs **link, const struct slb_op *op
) {
	uint32_t slot = rs_slot_take(t->admin, vs, &op->rs);
	char text[ENDPOINT_TEXT];
	struct admin_rs *rs;

	if (slot == RS_SLOT_NONE)
		return refuse(
			t->refused, ENOSPC, SLB_REFUSED_RS_FULL,
			"RS %s: all %u RS slots are taken; raise engine.rs_max",
			endpoint_text(&op->rs, text), t->admin->rs_max
		);
	t->fresh_rs[t->n_fresh_rs++] = slot;
	rs = calloc(1, sizeof(*rs));
	if (rs == NULL)
		return no_memory(t);
	rs->addr = ipaddr_from_address(&op->rs.addr);
	rs->port_be = op->rs.port_be;
	rs->weight = op->weight;
	rs->slot = slot;
	*link = rs;
	vs->n_rs++;
	return 0;
}

static int change_rs(struct txn *t, uint16_t slot, const struct slb_op *op) {
	struct touched_vs *touched = touch(t, slot);
	struct admin_rs **link, *rs;
	int rc;

	if (touched == NULL)
		return no_memory(t);
	link = rs_link(touched->after, &op->rs);
	rc = check_rs(touched->after, *link != NULL, op, t->refused);
	if (rc != 0)
		return rc;
	rs = *link;
	if (op->kind == SLB_OP_RS_ADD)
		return add_rs(t, touched->after, link, op);
	if (op->kind == SLB_OP_RS_EDIT) {
		rs->weight = op->weight;
		return 0;
	}
	*link = rs->next;
	rs_slot_forget(t->admin, rs->slot);
	touched->after->n_rs--;
	free(rs);
	return 0;
}

static int edit_vs(struct txn *t, uint16_t slot, const struct slb_op *op) {
	struct touched_vs *touched = touch(t, slot);

	if (touched == NULL)
		return no_memory(t);
	return set_attributes(t, touched->after, op);
}

int txn_apply(struct txn *t, const struct slb_op *op) {
	uint16_t slot = VS_NONE;
	int rc = check_op(t->admin, op, t->refused);

	if (rc == 0) {
		slot = vs_keys_find(t->admin, &op->vs);
		rc = check_vs_exists(op, slot != VS_NONE, t->refused);
	}
	if (rc != 0)
		return rc;
	switch (op->kind) {
	case SLB_OP_VS_ADD:
		return add_vs(t, op);
	case SLB_OP_VS_EDIT:
		return edit_vs(t, slot, op);
	case SLB_OP_VS_DEL:
		return delete_vs(t, slot);
	default:
		return change_rs(t, slot, op);
	}
}

// The first RS of `rs` and those behind it that a VS has no more; *still: its RS from there on. Both lists are in the order
// in which RS were added, so one walk finds all of them.
static const struct admin_rs *next_gone(const struct admin_rs *rs, const struct admin_rs **still) {
	while (rs != NULL && *still != NULL && (*still)->slot == rs->slot) {
		rs = rs->next;
		*still = (*still)->next;
	}
	return rs;
}

static const struct admin_rs *first_gone(
	const struct touched_vs *touched, const struct admin_rs **still
) {
	*still = touched->after != NULL ? touched->after->rs : NULL;
	return next_gone(touched->before != NULL ? touched->before->rs : NULL, still);
}

uint32_t txn_gone_rs(const struct txn *t, uint32_t *slots) {
	const struct admin_rs *rs, *still;
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->n_touched; i++) {
		rs = first_gone(&t->touched[i], &still);
		for (; rs != NULL; rs = next_gone(rs->next, &still), n++)
			if (slots != NULL)
				slots[n] = rs->slot;
	}
	return n;
}

void txn_keep(struct txn *t, uint64_t generation) {
	const struct admin_rs *rs, *still;

	for (uint32_t i = 0; i < t->n_touched; i++) {
		struct touched_vs *touched = &t->touched[i];
		rs = first_gone(touched, &still);
		for (; rs != NULL; rs = next_gone(rs->next, &still))
			rs_slot_drain(t->admin, rs->slot);
		if (touched->after != NULL)
			touched->after->generation = generation;
		admin_vs_free(t->admin, touched->before);
	}
	rs_slots_settle(t->admin, t->fresh_rs, t->n_fresh_rs);
}

void txn_undo(struct txn *t) {
	struct admin *a = t->admin;

	for (uint32_t i = t->n_touched; i-- > 0;) {
		struct touched_vs *touched = &t->touched[i];
		if (touched->after != NULL)
			vs_keys_leave(a, touched->slot);
		admin_vs_free(a, touched->after);
		a->vs[touched->slot] = touched->before;
		if (touched->before != NULL)
			vs_keys_enter(a, touched->slot);
	}
	for (uint32_t i = 0; i < t->n_fresh_rs; i++)
		rs_slot_forget(a, t->fresh_rs[i]);
}
