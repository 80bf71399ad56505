// SPDX-License-Identifier: BSD-3-Clause
// The admin core's own way from a VS key to its slot: a chained hash that is changed in place.
#pragma once

#include "admin/admin.h"

// Slot of the VS with this key, or VS_NONE.
uint16_t vs_keys_find(const struct admin *a, const struct slb_endpoint *vs);

// A slot without a VS, or VS_NONE.
uint16_t vs_keys_free_slot(const struct admin *a);

// Enters and removes the key of a->vs[slot].
void vs_keys_enter(struct admin *a, uint16_t slot);
void vs_keys_leave(struct admin *a, uint16_t slot);
