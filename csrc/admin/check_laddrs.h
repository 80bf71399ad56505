// SPDX-License-Identifier: BSD-3-Clause
// What can be wrong with a set of local addresses. All return 0, or -errno with *refused filled in.
#pragma once

#include "admin/admin.h"

// One address of the set by itself; `there`: what it is already, or NULL.
int check_laddr(
	const struct admin *a, const struct slb_laddr *laddr, const struct admin_laddr *there,
	struct slb_refused *refused
);

// Those that come are nobody else's: no VS's, no RS's, not this host's own.
int check_conflicts(
	const struct admin *a, const struct slb_laddr *laddrs, uint32_t n,
	struct slb_refused *refused
);

// Every worker has one, and one of each family that there are RS of.
int check_workers(const struct admin *a, struct slb_refused *refused);
