// SPDX-License-Identifier: BSD-3-Clause
// Bodies of the ABI calls: opening and closing here, everything about tables and sessions on the admin core.

#include "engine/engine.h"

#include "base/log.h"

#include <errno.h>
#include <rte_mempool.h>
#include <rte_version.h>
#include <stdlib.h>
#include <string.h>

static struct engine *engine;

uint32_t slb_abi_version(void) {
	return SLB_ABI_VERSION;
}

const char *slb_dpdk_version(void) {
	return rte_version();
}

void slb_drivers_of_tools(struct slb_drivers *out) {
	*out = (struct slb_drivers){
		.folder = RTE_EAL_PMD_PATH,
		.pool_kind = POOL_KIND,
		.kind_bytes = sizeof(struct rte_mempool_ops),
	};
}

static int open_layers(struct engine *g, struct err *e) {
	int rc = eal_open(g, e);

	if (rc == 0)
		rc = ports_open(g, e);
	// Before the cores, since what a device hashes by is known only when it runs.
	if (rc == 0)
		rc = ports_start(g, e);
	if (rc == 0)
		rc = cores_open(g, e);
	if (rc == 0)
		rc = lcores_launch(g, e);
	if (rc == 0)
		rc = capture_open(g, e);
	return rc == 0 ? telemetry_open(g, e) : rc;
}

int slb_open(const struct slb_config *config, char *text, uint32_t text_len) {
	struct err e = {text, text_len};
	int rc;

	if (engine != NULL)
		return err_set(&e, EALREADY, "the engine is open already");
	rc = config_check(config, &e);
	if (rc != 0)
		return rc;
	engine = calloc(1, sizeof(*engine));
	if (engine == NULL)
		return err_set(&e, ENOMEM, "no memory");
	engine->config = *config;
	if (config->n_active == 0)
		engine->config.n_active = config->n_workers;
	pthread_mutex_init(&engine->mailbox.caller, NULL);
	pthread_mutex_init(&engine->mailbox.lock, NULL);
	pthread_cond_init(&engine->mailbox.changed, NULL);
	rc = open_layers(engine, &e);
	log_capture_stop();
	if (rc != 0)
		slb_close();
	return rc;
}

void slb_close(void) {
	if (engine == NULL)
		return;
	telemetry_close();
	lcores_stop(engine);
	// What DPDK counts captured packets in goes with it, and a worker whose queues are captured counts in each round.
	capture_close();
	// The driver of a tap that was moved into another namespace complains of each rule that went with it.
	log_capture_start();
	ports_close(engine);
	log_capture_stop();
	cores_close(engine);
	pools_free(engine);
	eal_close(engine);
	free(engine);
	engine = NULL;
}

struct commit_call {
	const struct slb_op *ops;
	uint32_t n;
	uint64_t *generation;
	struct slb_refused *refused;
};

static int call_commit(struct admin *a, void *arg) {
	struct commit_call *c = arg;
	return admin_commit(a, c->ops, c->n, c->generation, c->refused);
}

int slb_commit(
	const struct slb_op *ops, uint32_t n, uint64_t *generation, struct slb_refused *refused
) {
	struct commit_call c = {ops, n, generation, refused};
	return engine == NULL ? -ESHUTDOWN : mailbox_call(engine, call_commit, &c);
}

struct forward_call {
	const struct slb_route *routes;
	const struct slb_neighbour *neighbours;
	const struct slb_own_address *own;
	uint32_t n_routes, n_neighbours, n_own;
	uint64_t *generation;
	struct slb_refused *refused;
};

static int call_forward(struct admin *a, void *arg) {
	struct forward_call *c = arg;
	int rc = admin_forward_set(
		a, c->routes, c->n_routes, c->neighbours, c->n_neighbours, c->own, c->n_own,
		c->generation, c->refused
	);

	if (rc == 0)
		kni_own_set(&engine->kni, c->own, c->n_own);
	return rc;
}

int slb_forward_set(
	const struct slb_route *routes, uint32_t n_routes, const struct slb_neighbour *neighbours,
	uint32_t n_neighbours, const struct slb_own_address *own, uint32_t n_own,
	uint64_t *generation, struct slb_refused *refused
) {
	struct forward_call c = {
		routes, neighbours, own, n_routes, n_neighbours, n_own, generation, refused,
	};
	return engine == NULL ? -ESHUTDOWN : mailbox_call(engine, call_forward, &c);
}

struct laddr_call {
	const struct slb_laddr *laddrs;
	uint32_t n;
	bool only_prepare;
	uint64_t *generation;
	struct slb_refused *refused;
};

static int call_laddr_set(struct admin *a, void *arg) {
	struct laddr_call *c = arg;
	return admin_laddr_set(a, c->laddrs, c->n, c->only_prepare, c->generation, c->refused);
}

int slb_laddr_set(
	const struct slb_laddr *laddrs, uint32_t n, uint8_t only_prepare, uint64_t *generation,
	struct slb_refused *refused
) {
	struct laddr_call c = {laddrs, n, only_prepare != 0, generation, refused};
	return engine == NULL ? -ESHUTDOWN : mailbox_call(engine, call_laddr_set, &c);
}

struct workers_call {
	uint16_t n;
	bool end;
	uint64_t *generation;
	struct slb_refused *refused;
};

static int call_workers_set(struct admin *a, void *arg) {
	struct workers_call *c = arg;
	return admin_workers_set(a, c->n, c->end, c->generation, c->refused);
}

int slb_workers_set(uint16_t n, uint8_t end, uint64_t *generation, struct slb_refused *refused) {
	struct workers_call c = {n, end != 0, generation, refused};
	return engine == NULL ? -ESHUTDOWN : mailbox_call(engine, call_workers_set, &c);
}

struct probe_call {
	const struct slb_address *laddr;
	uint32_t attempt;
};

static int call_probe(struct admin *a, void *arg) {
	struct probe_call *c = arg;
	return admin_probe(a, c->laddr, c->attempt);
}

int slb_probe(const struct slb_address *laddr, uint32_t attempt) {
	struct probe_call c = {laddr, attempt};
	return engine == NULL ? -ESHUTDOWN : mailbox_call(engine, call_probe, &c);
}

static int call_quiesce(struct admin *a, void *) {
	return admin_quiesce(a);
}

int slb_quiesce(void) {
	return engine == NULL ? -ESHUTDOWN : mailbox_call(engine, call_quiesce, NULL);
}

// A listing: the caller's buffer and its size in elements.
struct list_call {
	void *out;
	uint32_t cap;
};

static int ask(int (*call)(struct admin *, void *), void *out, uint32_t cap) {
	struct list_call c = {out, cap};
	return engine == NULL ? -ESHUTDOWN : mailbox_call(engine, call, &c);
}

static int call_vs_list(struct admin *a, void *arg) {
	struct list_call *c = arg;
	return admin_vs_list(a, c->out, c->cap);
}

int slb_vs_list(struct slb_vs_info *out, uint32_t cap) {
	return ask(call_vs_list, out, cap);
}

static int call_rs_list(struct admin *a, void *arg) {
	struct list_call *c = arg;
	return admin_rs_list(a, c->out, c->cap);
}

int slb_rs_list(struct slb_rs_info *out, uint32_t cap) {
	return ask(call_rs_list, out, cap);
}

static int call_laddr_list(struct admin *a, void *arg) {
	struct list_call *c = arg;
	return admin_laddr_list(a, c->out, c->cap);
}

int slb_laddr_list(struct slb_laddr_info *out, uint32_t cap) {
	return ask(call_laddr_list, out, cap);
}

static int call_probe_list(struct admin *a, void *arg) {
	struct list_call *c = arg;
	return admin_probe_list(a, c->out, c->cap);
}

int slb_probe_list(struct slb_probe_info *out, uint32_t cap) {
	return ask(call_probe_list, out, cap);
}

static int call_drop_list(struct admin *a, void *arg) {
	struct list_call *c = arg;
	return admin_drop_list(a, c->out, c->cap);
}

int slb_drop_list(uint64_t *out, uint32_t cap) {
	return ask(call_drop_list, out, cap);
}

static int call_worker_bytes(struct admin *a, void *arg) {
	struct list_call *c = arg;
	return admin_worker_bytes(a, c->out, c->cap);
}

int slb_worker_bytes(uint64_t *out, uint32_t cap) {
	return ask(call_worker_bytes, out, cap);
}

static int call_poll_events(struct admin *a, void *arg) {
	struct list_call *c = arg;
	return admin_poll_events(a, c->out, c->cap);
}

int slb_poll_events(struct slb_event *out, uint32_t cap) {
	return ask(call_poll_events, out, cap);
}

static int call_route_list(struct admin *a, void *arg) {
	struct list_call *c = arg;
	uint32_t n = a->n_routes < c->cap ? a->n_routes : c->cap;

	if (n > 0)
		memcpy(c->out, a->routes, n * sizeof(*a->routes));
	return (int)a->n_routes;
}

int slb_route_list(struct slb_route *out, uint32_t cap) {
	return ask(call_route_list, out, cap);
}

static int call_neighbour_list(struct admin *a, void *arg) {
	struct list_call *c = arg;
	uint32_t n = a->n_neighbours < c->cap ? a->n_neighbours : c->cap;

	if (n > 0)
		memcpy(c->out, a->neighbours, n * sizeof(*a->neighbours));
	return (int)a->n_neighbours;
}

int slb_neighbour_list(struct slb_neighbour *out, uint32_t cap) {
	return ask(call_neighbour_list, out, cap);
}

struct session_call {
	const struct slb_session_filter *filter;
	uint64_t *cursor;
	struct slb_session_info *out;
	uint32_t cap;
};

static int call_session_list(struct admin *a, void *arg) {
	struct session_call *c = arg;
	return admin_session_list(a, c->filter, c->cursor, c->out, c->cap);
}

int slb_session_list(
	const struct slb_session_filter *filter, uint64_t *cursor, struct slb_session_info *out,
	uint32_t cap
) {
	struct session_call c = {filter, cursor, out, cap};
	return engine == NULL ? -ESHUTDOWN : mailbox_call(engine, call_session_list, &c);
}

struct reset_call {
	const struct slb_reset *resets;
	uint32_t n;
	uint64_t *cursor;
	struct slb_refused *refused;
};

static int call_session_reset(struct admin *a, void *arg) {
	struct reset_call *c = arg;
	return admin_session_reset(a, c->resets, c->n, c->cursor, c->refused);
}

int slb_session_reset(
	const struct slb_reset *resets, uint32_t n, uint64_t *cursor, struct slb_refused *refused
) {
	struct reset_call c = {resets, n, cursor, refused};
	return engine == NULL ? -ESHUTDOWN : mailbox_call(engine, call_session_reset, &c);
}

static int call_rule_list(struct admin *, void *arg) {
	struct list_call *c = arg;
	return rules_describe(engine, c->out, c->cap);
}

// On the admin core, since a device's rules are not for two at once.
int slb_rule_list(struct slb_rule_info *out, uint32_t cap) {
	return ask(call_rule_list, out, cap);
}

int slb_worker_list(struct slb_worker_info *out, uint32_t cap) {
	return engine == NULL ? -ESHUTDOWN : workers_describe(engine, out, cap);
}

int slb_port_list(struct slb_port_info *out, uint32_t cap) {
	return engine == NULL ? -ESHUTDOWN : ports_describe(engine, out, cap);
}

int slb_member_list(struct slb_member_info *out, uint32_t cap) {
	return engine == NULL ? -ESHUTDOWN : members_describe(engine, out, cap);
}
