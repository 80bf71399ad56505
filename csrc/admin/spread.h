// SPDX-License-Identifier: BSD-3-Clause
// Over which workers clients are spread, as the admin core knows it.
#pragma once

#include "admin/admin.h"

// Those of the configuration.
void spread_init(struct admin *a, const struct slb_config *config);

// A worker's own copy; NULL when memory is short.
struct spread *build_spread(const struct admin *a, uint16_t worker, int socket);

// What of the latest change is left to do: sessions made from now on are not those from before any more, and who has none from
// before is not asked for them. A transaction, if there is any of it; what fails is tried again next time.
void spread_settle(struct admin *a);
