// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "path/core.h"

// Stage of the path: full NAT of the packets that will be sent: addresses, ports, both checksums, TTL, MACs.
void rewrite(struct core *c, struct burst *b);
