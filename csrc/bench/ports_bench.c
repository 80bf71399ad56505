// SPDX-License-Identifier: BSD-3-Clause

#include "bench/bench.h"
#include "bench/frame.h"
#include "bench/world.h"
#include "path/lifecycle.h"
#include "path/session_key.h"

#include <arpa/inet.h>
#include <rte_random.h>

// With one local address and one RS there are so many local ports.
enum { PORTS = 65536 - 1024, CREATED = 16, WARM = 64, ROUNDS = 2000 };

struct occupied {
	struct core *core;
	const struct vs *vs;
	uint32_t n;
	uint32_t clients;
	uint32_t refused;
	struct session *sessions[PORTS];
};

static struct session *create(struct occupied *o) {
	const struct session_index index = session_index(&o->core->sessions);
	uint32_t n = o->clients++;
	struct pkt p = {
		.key = {.src_be = htonl(BENCH_CLIENTS + n / 50000),
			.dst_be = htonl(BENCH_VIP),
			.sport_be = htons((uint16_t)(10000 + n % 50000)),
			.dport_be = htons(BENCH_VIP_PORT)},
		.kind = SLB_PROTO_UDP,
		.proto = SLB_PROTO_UDP,
	};

	session_hash(&index, &p);
	session_create(o->core, &p, o->vs, &o->vs->rs[0]);
	return p.session;
}

static void occupy(struct occupied *o, uint32_t n) {
	for (uint32_t tries = 0; o->n < n && tries < 100 * PORTS; tries++) {
		struct session *s = create(o);
		// An RS with which no port was found is not tried again within the tick.
		if (s == NULL)
			o->core->now++;
		else
			o->sessions[o->n++] = s;
	}
	if (o->n < n)
		world_fail("the local ports cannot be occupied");
}

static struct reading at_occupancy(struct occupied *o, struct stopwatch *w) {
	struct session *made[CREATED];

	o->refused = 0;
	for (uint32_t round = 0; round < WARM + ROUNDS; round++) {
		o->core->now++;
		stopwatch_begin(w);
		for (uint32_t i = 0; i < CREATED; i++)
			made[i] = create(o);
		stopwatch_end(w);
		w->n -= round < WARM;
		for (uint32_t i = 0; i < CREATED; i++) {
			struct session **old = &o->sessions[rte_rand_max(o->n)];
			o->refused += made[i] == NULL;
			if (made[i] == NULL)
				continue;
			session_end_now(o->core, *old);
			*old = made[i];
		}
	}
	return stopwatch_read(w, CREATED);
}

void bench_ports(const struct request *r) {
	static const struct {
		uint32_t percent;
		const char *side;
	} STEPS[] = {{10, "10 %"}, {90, "90 %"}, {99, "99 %"}};
	static struct stopwatch w;
	static struct occupied o;

	for (uint32_t run = 0; run < r->runs; run++) {
		const struct world_size size = {
			.workers = 1, .rs = 1, .laddrs = 1, .sessions = PORTS + CREATED
		};
		world_open(&size);
		o = (struct occupied){.core = world_core(0), .vs = world_vs(0)};
		for (uint32_t i = 0; i < sizeof(STEPS) / sizeof(STEPS[0]); i++) {
			struct reading reading;
			occupy(&o, (uint32_t)((uint64_t)PORTS * STEPS[i].percent / 100));
			reading = at_occupancy(&o, &w);
			reading.refused = o.refused / (double)((WARM + ROUNDS) * CREATED);
			bench_say(STEPS[i].side, run, reading);
		}
	}
}
