// SPDX-License-Identifier: BSD-3-Clause
// The local address and port of a new session: from a walk over all of them (path/laddr.h), or, where most of those towards its RS are taken,
// one that was given back last (path/freed_port.h).
#pragma once

#include "path/core.h"

// Finds for session `id` an address and port under which the RS's replies are this session's alone, and enters that key. The address, or
// NULL with *rc: -EADDRNOTAVAIL without a port, -ENOSPC with no room in the session table.
const struct laddr *local_port_take(struct core *c, uint32_t id, const struct vs_rs *rs, int *rc);

// Of a crowded RS (core_rs_crowded()): the session's key is out of the table; `slot` is its local address's.
void local_port_give(struct core *c, const struct session *s, uint16_t slot);
