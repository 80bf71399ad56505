// SPDX-License-Identifier: BSD-3-Clause
// What every account does when its part returns.
#pragma once

#include "bench/account.h"

#include <rte_cycles.h>

static inline void account_take(enum account a, uint64_t began) {
	accounts.cycles[a] += rte_rdtsc() - began;
	accounts.calls[a]++;
}
