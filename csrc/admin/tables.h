// SPDX-License-Identifier: BSD-3-Clause
// The configured VS and RS while a transaction is worked out. A VS that an operation touches is copied first; the
// copies take the originals' place when the workers have the change, and are thrown away otherwise.
#pragma once

#include "admin/admin.h"

struct touched_vs {
	uint16_t slot;
	struct admin_vs *before; // NULL: the transaction adds it
	struct admin_vs *after; // NULL: the transaction removes it
};

struct txn {
	struct admin *admin;
	struct slb_refused *refused;
	uint32_t n_touched;
	uint32_t n_fresh_rs;
	struct touched_vs *touched; // room for one an operation
	uint32_t *fresh_rs; // RS slots taken, room for one an operation
	bool keys_changed; // the workers need a new index
};

// Where an RS of a VS hangs; at the end of the list, where NULL is, if the VS has no such RS.
struct admin_rs **rs_link(struct admin_vs *vs, const struct slb_endpoint *key);

// Room for n operations; 0 or -ENOMEM.
int txn_init(struct txn *t, struct admin *a, uint32_t n, struct slb_refused *refused);

// Works one operation into the copies; -errno with *refused filled in. What is wrong leaves the rest untouched.
int txn_apply(struct txn *t, const struct slb_op *op);

// Slots of the RS that the transaction removes, into `slots` unless it is NULL; returns how many.
uint32_t txn_gone_rs(const struct txn *t, uint32_t *slots);

// The workers have it: originals go, RS that are no more begin to drain.
void txn_keep(struct txn *t, uint64_t generation);

// The tables are as before txn_init.
void txn_undo(struct txn *t);

void txn_free(struct txn *t);
