// SPDX-License-Identifier: BSD-3-Clause

#include "bench/bench.h"

#include <rte_cycles.h>

void bench_clock(const struct request *) {
	bench_say("tsc", 0, (struct reading){.cycles = (double)rte_get_tsc_hz()});
}
