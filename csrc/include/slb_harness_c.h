// SPDX-License-Identifier: BSD-3-Clause
// What C includes for slb_harness.h.
#pragma once

#include "slb.h"

#pragma GCC visibility push(default)
#include "slb_harness.h"
#pragma GCC visibility pop
