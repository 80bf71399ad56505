// SPDX-License-Identifier: BSD-3-Clause
// The worker's round, in the order a packet goes through it.

#include "worker/worker.h"

#include "base/clock.h"
#include "path/fragment.h"
#include "path/lifecycle.h"
#include "path/spread.h"
#include "path/sweep.h"
#include "worker/rx.h"
#include "worker/tx.h"

#include <rte_branch_prediction.h>
#include <rte_cycles.h>
#include <rte_mbuf.h>

// Looked at in one round: sessions and fragmented datagrams for expiry, where each session may take two of the spare mbufs.
enum { EXPIRE_BUDGET = SPARE_MAX / 2 };

// From the pool, in bulk, as a driver fills its queue. Without mbufs the path goes on without.
void worker_spare(struct worker *w) {
	struct extra *e = &w->core->extra;
	uint16_t wanted = SPARE_MAX - e->n_spare;

	if (wanted > 0 && rte_pktmbuf_alloc_bulk(w->pool, &e->spare[e->n_spare], wanted) == 0)
		e->n_spare += wanted;
}

bool worker_round(struct worker *w) {
	struct core *c = w->core;
	bool worked;

	c->now = (uint32_t)((rte_rdtsc() - w->tick_base) * TICK_HZ / w->tsc_hz);
	worked = rx_ports(w);
	worked |= rx_handoff(w);
	worked |= rx_again(w);
	tx_extra(w);
	tx_flush(w);
	if (c->now != w->ticked) {
		w->ticked = c->now;
		rx_standby(w);
		tx_control(w);
	}
	worked |= inbox_poll(&w->inbox, c);
	worked |= sweep(c);
	worker_spare(w);
	worked |= session_expire(c, EXPIRE_BUDGET) == EXPIRE_BUDGET;
	fragment_expire(c, EXPIRE_BUDGET);
	if (unlikely(c->extra.n_send > 0)) {
		tx_extra(w);
		tx_flush(w);
	}
	w->counters.rounds++;
	return worked;
}

// No clients are spread over it, nor brought to it, and the last session has ended.
static bool rests(const struct core *c) {
	return !c->spread->active && !c->reached_idle && c->sessions.active == 0;
}

int worker_main(void *arg) {
	struct worker *w = arg;
	uint64_t before = rte_rdtsc();

	while (__atomic_load_n(w->stop, __ATOMIC_RELAXED) == 0) {
		bool worked = worker_round(w);
		uint64_t after;

		idle_round(&w->idle, worked, rests(w->core));
		// A round that found nothing was as idle as the pause behind it.
		after = rte_rdtsc();
		if (worked)
			w->counters.busy_cycles += after - before;
		else
			w->counters.idle_cycles += after - before;
		before = after;
	}
	return 0;
}
