// SPDX-License-Identifier: BSD-3-Clause
// What dpdk-telemetry.py shows under /slb/, beside what DPDK itself shows. Read where it is counted; only what is configured
// is asked of the admin core.

#include "engine/engine.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <rte_common.h>
#include <rte_telemetry.h>
#include <rte_version.h>
#include <stdlib.h>
#include <string.h>

#if RTE_VERSION < RTE_VERSION_NUM(23, 3, 0, 0)
#define add_count rte_tel_data_add_dict_u64
#else
#define add_count rte_tel_data_add_dict_uint
#endif

// The names of enum slb_drop, made from slb_abi.h.
static const char *const DROPS[] = {
#include "drop_names.h"
};

_Static_assert(RTE_DIM(DROPS) == SLB_DROP_COUNT, "a name for each reason");

// DPDK asks in threads of its own, until the process ends: the engine stays while the lock is held.
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static struct engine *shown; // NULL: there is none

// A worker's number; -EINVAL.
static int read_worker(const struct engine *g, const char *text) {
	unsigned long worker;
	char *end;

	if (text == NULL || !isdigit((unsigned char)text[0]))
		return -EINVAL;
	worker = strtoul(text, &end, 10);
	return *end == '\0' && worker < g->config.n_workers ? (int)worker : -EINVAL;
}

static int call_vs_count(struct admin *a, void *) {
	return (int)a->n_vs;
}

static int show_info(struct engine *g, const char *, struct rte_tel_data *d) {
	struct slb_worker_info workers[SLB_MAX_WORKERS];
	int n = workers_describe(g, workers, SLB_MAX_WORKERS);
	int vs = mailbox_call(g, call_vs_count, NULL);
	uint64_t generation = UINT64_MAX;

	for (int w = 0; w < n; w++)
		generation = RTE_MIN(generation, workers[w].generation);
	if (vs < 0)
		return vs;
	rte_tel_data_start_dict(d);
	add_count(d, "generation", generation);
	add_count(d, "workers", (uint64_t)n);
	add_count(d, "vs", (uint64_t)vs);
	return 0;
}

static int show_workers(struct engine *g, const char *, struct rte_tel_data *d) {
	rte_tel_data_start_array(d, RTE_TEL_INT_VAL);
	for (int w = 0; w < g->config.n_workers; w++)
		rte_tel_data_add_array_int(d, w);
	return 0;
}

static int show_worker(struct engine *g, const char *params, struct rte_tel_data *d) {
	struct slb_worker_info workers[SLB_MAX_WORKERS];
	int worker = read_worker(g, params);
	const struct slb_worker_info *w;

	if (worker < 0)
		return worker;
	workers_describe(g, workers, SLB_MAX_WORKERS);
	w = &workers[worker];
	rte_tel_data_start_dict(d);
	add_count(d, "cpu", w->cpu);
	add_count(d, "generation", w->generation);
	add_count(d, "rounds", w->rounds);
	add_count(d, "busy_cycles", w->busy_cycles);
	add_count(d, "idle_cycles", w->idle_cycles);
	add_count(d, "rx_packets", w->rx_packets);
	add_count(d, "tx_packets", w->tx_packets);
	add_count(d, "handed_off", w->handed_off);
	add_count(d, "handed_in", w->handed_in);
	add_count(d, "punted", w->punted);
	add_count(d, "dropped", w->dropped);
	add_count(d, "sessions_active", w->sessions_active);
	add_count(d, "sessions_created", w->sessions_created);
	add_count(d, "sessions_ended", w->sessions_ended);
	add_count(d, "sessions_recycled", w->sessions_recycled);
	add_count(d, "sessions_reset", w->sessions_reset);
	add_count(d, "sessions_capacity", w->sessions_capacity);
	return 0;
}

static int show_drops(struct engine *g, const char *params, struct rte_tel_data *d) {
	uint64_t counts[SLB_MAX_WORKERS * SLB_DROP_COUNT];
	int n = admin_drop_list(&g->admin, counts, RTE_DIM(counts));
	int worker = params != NULL ? read_worker(g, params) : 0;
	int end = params != NULL ? worker + 1 : n;

	if (worker < 0)
		return worker;
	rte_tel_data_start_dict(d);
	for (int reason = 0; reason < SLB_DROP_COUNT; reason++) {
		uint64_t sum = 0;
		for (int w = worker; w < end; w++)
			sum += counts[w * SLB_DROP_COUNT + reason];
		add_count(d, DROPS[reason], sum);
	}
	return 0;
}

struct command {
	const char *name;
	int (*show)(struct engine *g, const char *params, struct rte_tel_data *d);
	const char *help;
};

static const struct command COMMANDS[] = {
	{"/slb/info", show_info, "The generation, and how many workers and VS there are."},
	{"/slb/worker/list", show_workers, "The workers' numbers."},
	{"/slb/worker/stats", show_worker, "What a worker counts. Parameters: its number."},
	{"/slb/drops", show_drops,
	 "Packets dropped, by reason. Parameters: a worker's number; none: all workers."},
};

static int answer(const char *name, const char *params, struct rte_tel_data *d) {
	int rc = -ENOENT;

	pthread_rwlock_rdlock(&lock);
	for (size_t i = 0; i < RTE_DIM(COMMANDS) && shown != NULL; i++)
		if (strcmp(COMMANDS[i].name, name) == 0)
			rc = COMMANDS[i].show(shown, params, d);
	pthread_rwlock_unlock(&lock);
	return rc;
}

int telemetry_open(struct engine *g, struct err *e) {
	for (size_t i = 0; g->config.telemetry && i < RTE_DIM(COMMANDS); i++) {
		const struct command *c = &COMMANDS[i];
		int rc = rte_telemetry_register_cmd(c->name, answer, c->help);
		if (rc < 0)
			return err_set(e, -rc, "DPDK's telemetry does not take %s", c->name);
	}
	pthread_rwlock_wrlock(&lock);
	shown = g;
	pthread_rwlock_unlock(&lock);
	return 0;
}

void telemetry_close(void) {
	pthread_rwlock_wrlock(&lock);
	shown = NULL;
	pthread_rwlock_unlock(&lock);
}
