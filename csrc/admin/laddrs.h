// SPDX-License-Identifier: BSD-3-Clause
// The local addresses as the admin core knows them, by slot.
#pragma once

#include "admin/admin.h"

static inline enum laddr_family laddr_family_of(const struct admin_laddr *l) {
	return ipaddr_is_v4(l->addr) ? LADDR_V4 : LADDR_V6;
}

// Whether what is sent to the address is for the worker.
static inline bool laddr_is_of(const struct admin_laddr *l, uint16_t worker) {
	return l->use != LADDR_FREE && (l->rss != NULL || l->worker == worker);
}

// Whether new sessions of the worker may use the address.
static inline bool laddr_serves(const struct admin_laddr *l, uint16_t worker) {
	return l->wanted && laddr_is_of(l, worker);
}

// Whether the steering to the address is of interest: new sessions use it, or are to.
static inline bool laddr_is_probed(const struct admin_laddr *l) {
	return l->use == LADDR_THERE && (l->wanted || l->waits);
}

// How many of a family new sessions of the worker may use.
uint32_t laddrs_of_worker(const struct admin *a, uint16_t worker, enum laddr_family family);

// The slot of an address, also of one whose last sessions live on; SLB_MAX_LADDRS: it is none.
uint16_t laddr_slot(const struct admin *a, struct ipaddr addr);

// Those of the configuration; rss: by their place there, what makes each one of all workers, or NULL.
void laddrs_init(
	struct admin *a, const struct slb_config *config, const struct rss_port *const *rss
);

// Gives up those that were taken away and have no session any more, as a transaction; what fails is tried again next time.
void laddrs_reclaim(struct admin *a);
