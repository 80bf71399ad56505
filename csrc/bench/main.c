// SPDX-License-Identifier: BSD-3-Clause
// slb-bench MEGABYTES huge|plain CPUS NAME SESSIONS RUNS: what tests/bench calls; the first CPU measures.

#include "bench/bench.h"
#include "bench/spoil.h"
#include "bench/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef BENCH_ACCOUNTS
const bool ACCOUNTED = true;
#else
const bool ACCOUNTED = false;
#endif

static const struct {
	const char *name;
	void (*measure)(const struct request *r);
} BENCHES[] = {
#ifdef BENCH_ACCOUNTS
	{"stages", bench_stages},
	{"io", bench_io},
	{"tcp", bench_tcp},
	{"control", bench_control},
	{"control-few", bench_control_few},
	{"control-late", bench_control_late},
	{"reset-load", bench_reset_load},
	{"reset-load-tcp", bench_reset_load_tcp},
#else
	{"path", bench_path},
	{"families", bench_families},
	{"lookup", bench_lookup},
	{"life", bench_life},
	{"scaling", bench_scaling},
	{"steering", bench_steering},
	{"ports", bench_ports},
	{"spoilt-time", bench_spoilt_time},
	{"io", bench_io},
	{"tcp", bench_tcp},
	{"memory", bench_memory},
	{"memory6", bench_memory6},
	{"latency", bench_latency},
	{"spoilt-lookup", bench_spoilt_lookup},
	{"spoilt-replies", bench_spoilt_replies},
	{"spoilt-latency", bench_spoilt_latency},
	{"clock", bench_clock},
	{"reset", bench_reset},
	{"walks", bench_walks},
	{"sessions", bench_sessions},
#endif
};

static void say(const char *side, uint32_t run, const struct reading *r) {
	printf("{\"side\": \"%s\", \"run\": %u, \"cycles\": %.2f, \"left_out\": %u, \"refused\": "
	       "%.4f}\n",
	       side, run, r->cycles, r->left_out, r->refused);
	fflush(stdout);
}

static void say_part(const char *side, const char *part, uint32_t run, double cycles) {
	char name[64];

	snprintf(name, sizeof(name), "%s: %s", side, part);
	say(name, run, &(struct reading){.cycles = cycles});
}

void bench_say(const char *side, uint32_t run, struct reading reading) {
	say(side, run, &reading);
	for (int a = 0; a < ACCOUNTS; a++)
		if (reading.called & 1u << a)
			say_part(side, ACCOUNT_NAMES[a], run, reading.by[a]);
	if (reading.called != 0)
		say_part(side, "rest", run, reading.rest);
}

// "spoilt-bit-io" is "io" of which a bit is wrong; returns the name without.
static const char *take_spoil(const char *name) {
	static const struct {
		const char *prefix;
		enum spoil what;
	} KINDS[] = {
		{"spoilt-bit-", SPOIL_BIT},
		{"spoilt-addresses-", SPOIL_ADDRESSES},
		{"spoilt-ports-", SPOIL_PORTS},
		{"spoilt-swapped-", SPOIL_SWAPPED},
	};

	for (size_t i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]); i++) {
		if (strncmp(name, KINDS[i].prefix, strlen(KINDS[i].prefix)) != 0)
			continue;
		spoil_what = KINDS[i].what;
		return name + strlen(KINDS[i].prefix);
	}
	return name;
}

int main(int argc, char **argv) {
	const char *name;
	struct request r;

	if (argc != 7)
		world_fail("MEGABYTES huge|plain CPUS NAME SESSIONS RUNS");
	r.sessions = (uint32_t)strtoul(argv[5], NULL, 10);
	name = take_spoil(argv[4]);
	r.runs = (uint32_t)strtoul(argv[6], NULL, 10);
	for (size_t i = 0; i < sizeof(BENCHES) / sizeof(BENCHES[0]); i++) {
		if (strcmp(BENCHES[i].name, name) != 0)
			continue;
		world_start(
			(uint32_t)strtoul(argv[1], NULL, 10), strcmp(argv[2], "huge") == 0, argv[3]
		);
		BENCHES[i].measure(&r);
		if (spoil_what != SPOIL_NOTHING)
			world_fail("nobody has seen that packets were wrong");
		return 0;
	}
	world_fail("no such measurement");
}
