// SPDX-License-Identifier: BSD-3-Clause
// Sums of what workers count. A counter has one writer, so a relaxed load reads a whole value.
#pragma once

#include "admin/admin.h"
#include "path/core.h"
#include "slb.h"

static inline uint64_t counter_read(const uint64_t *counter) {
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

void traffic_add(struct slb_traffic *sum, const struct slb_traffic *more);

// What a worker has counted for the RS of a slot.
void traffic_add_core(struct slb_traffic *sum, const struct core *c, uint32_t slot);

// Clients that were refused by all VS that have had the slot.
uint64_t traffic_refused(const struct admin *a, uint16_t vs_slot);
