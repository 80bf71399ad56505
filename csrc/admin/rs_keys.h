// SPDX-License-Identifier: BSD-3-Clause
// RS slots by the VS and the RS that they serve, or served last: a chained hash. Those that are free and remember nothing are
// not in it.
#pragma once

#include "admin/admin.h"

#define RS_SLOT_NONE UINT32_MAX

void rs_keys_enter(struct admin *a, uint32_t slot);
void rs_keys_leave(struct admin *a, uint32_t slot);

// Another slot of the same RS of the same VS: one that is `past`, or the newest of the others; RS_SLOT_NONE: there is none.
uint32_t rs_keys_find(const struct admin *a, const struct rs_slot *like, bool past);
