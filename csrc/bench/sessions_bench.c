// SPDX-License-Identifier: BSD-3-Clause

#include "bench/bench.h"
#include "bench/world.h"

void bench_sessions(const struct request *r) {
	const struct session_table *t;

	bench_path(r);
	t = &world_core(0)->sessions;
	bench_say("bytes", 0, (struct reading){.cycles = (double)session_bytes(t) / t->capacity});
}
