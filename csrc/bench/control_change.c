// SPDX-License-Identifier: BSD-3-Clause

#include "bench/control_change.h"

#include "bench/world.h"
#include "harness/inner.h"
#include "slb_harness_c.h"

#include <arpa/inet.h>
#include <rte_launch.h>
#include <string.h>
#include <unistd.h>

// Networks of theirs, host order; what the admin core sleeps between two looks for an answer, as in csrc/engine/lcores.c.
enum { VIPS = 0x0a610000, SERVERS = 0x0a640000, VIP_PORT = 80, RS_PORT = 8080, POLL_US = 20 };

static struct slb_endpoint endpoint(uint32_t addr, uint16_t port, uint8_t proto) {
	struct slb_endpoint e = {.addr.family = 4, .port_be = htons(port), .proto = proto};
	uint32_t be = htonl(addr);

	memcpy(e.addr.bytes, &be, sizeof(be));
	return e;
}

static struct slb_op vs_op(uint8_t kind, uint32_t vs) {
	return (struct slb_op){
		.kind = kind,
		.scheduler = SLB_SCHED_WRR,
		.vs = endpoint(VIPS + vs, VIP_PORT, SLB_PROTO_TCP),
	};
}

static struct slb_op rs_op(uint8_t kind, uint32_t vs, uint32_t rs, uint16_t weight) {
	struct slb_op op = vs_op(kind, vs);

	op.rs = endpoint(SERVERS + vs * CONTROL_RS + rs, RS_PORT, 0);
	op.weight = weight;
	return op;
}

static uint32_t fill(struct slb_op *ops, enum control_kind kind, uint32_t vs) {
	uint32_t n = 0;

	if (kind == CONTROL_REMOVE) {
		ops[n++] = vs_op(SLB_OP_VS_DEL, vs);
		return n;
	}
	if (kind == CONTROL_COMMIT)
		ops[n++] = vs_op(SLB_OP_VS_ADD, vs);
	for (uint32_t rs = 0; rs < CONTROL_RS; rs++)
		ops[n++] = kind == CONTROL_COMMIT ? rs_op(SLB_OP_RS_ADD, vs, rs, 1)
						  : rs_op(SLB_OP_RS_EDIT, vs, rs, 2);
	return n;
}

struct control_change *control_change_of(enum control_kind kind, uint32_t n_vs) {
	static struct control_change made[CONTROL_KINDS] = {
		{.name = "commit"},   {.name = "rewrite"},      {.name = "remove"},
		{.name = "add-each"}, {.name = "rewrite-each"}, {.name = "remove-each"},
	};
	struct control_change *change = &made[kind];
	enum control_kind one = kind % CONTROL_ADD_EACH;

	if (change->ops == NULL) {
		change->ops = world_memory(n_vs * (1 + CONTROL_RS) * sizeof(*change->ops));
		for (uint32_t vs = 0; vs < n_vs; vs++)
			change->n_ops += fill(&change->ops[change->n_ops], one, vs);
		change->n_txns = one == kind ? 1 : n_vs;
		change->n_ops /= change->n_txns;
	}
	return change;
}

static void sleep_a_little(void *) {
	usleep(POLL_US);
}

static void reset(struct control_change *change) {
	uint64_t cursor = 0;

	change->ended = 0;
	while (change->n_resets > 0 && cursor != UINT64_MAX) {
		struct slb_refused refused;
		int n = harness_session_reset(change->resets, change->n_resets, &cursor, &refused);
		if (n < 0)
			world_fail(refused.text);
		change->ended += (uint32_t)n;
	}
}

static int commit(void *arg) {
	struct control_change *change = arg;

	harness_admin()->wait = sleep_a_little;
	reset(change);
	for (uint32_t i = 0; i < change->n_txns; i++) {
		struct slb_refused refused;
		uint64_t generation;
		if (harness_commit(
			    &change->ops[i * change->n_ops], change->n_ops, &generation, &refused
		    )
		    != 0)
			world_fail(refused.text);
	}
	__atomic_store_n(&change->done, 1, __ATOMIC_RELEASE);
	return 0;
}

void control_change_begin(struct control_change *change, unsigned lcore) {
	change->done = 0;
	if (rte_eal_remote_launch(commit, change, lcore) != 0)
		world_fail("the admin core's lcore does not start");
}

bool control_change_done(const struct control_change *change) {
	return __atomic_load_n(&change->done, __ATOMIC_ACQUIRE) != 0;
}

void control_change_end(struct control_change *, unsigned lcore) {
	rte_eal_wait_lcore(lcore);
}
