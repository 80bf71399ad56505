// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "path/core.h"

// Stage of the path: full NAT of those that will be sent of the packets that are not usual.
void rewrite(struct core *c, struct burst *b);
