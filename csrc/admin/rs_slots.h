// SPDX-License-Identifier: BSD-3-Clause
// Slot numbers of RS: what sessions refer to, so a slot is given to another RS only after its last session has ended on
// every worker.
#pragma once

#include "admin/admin.h"
#include "admin/rs_keys.h"

// Takes a free slot for an RS of vs; RS_SLOT_NONE when all are in use.
uint32_t rs_slot_take(struct admin *a, const struct admin_vs *vs, const struct slb_endpoint *rs);

// The transaction that took the slot drops it again; a slot in service is left alone, one with sessions drains.
void rs_slot_forget(struct admin *a, uint32_t slot);

// The transaction holds: its slots are in service.
void rs_slots_settle(struct admin *a, const uint32_t *slots, uint32_t n);

// The RS is removed; the slot stays until its sessions have ended.
void rs_slot_drain(struct admin *a, uint32_t slot);

// Gives back the drained slots without sessions, and adds their traffic to that of their VS, and to what else there is of
// their RS: it may have been added again.
void rs_slots_reclaim(struct admin *a);

// The VS that the slot's RS is or was of; NULL when that is gone.
struct admin_vs *rs_slot_vs(const struct admin *a, const struct rs_slot *s);

// What all workers counted for the slot.
struct slb_traffic rs_slot_traffic(const struct admin *a, uint32_t slot);
