// SPDX-License-Identifier: BSD-3-Clause
// What a VS wants of its sessions, kept once for all VS that want the same. Workers read a policy by its number, so one that
// a VS or a session refers to is never changed.
#pragma once

#include "admin/admin.h"

// Policy 0, of a VS that says nothing.
void policies_init(struct admin *a);

// Finds or makes the policy that an operation asks for, for one more VS; POLICY_NONE when all are in use.
uint8_t policy_take(struct admin *a, const struct slb_op *op);

// One more VS, or one fewer, refers to it.
void policy_keep(struct admin *a, uint8_t policy);
void policy_give(struct admin *a, uint8_t policy);
