// SPDX-License-Identifier: BSD-3-Clause

#include "worker/rx.h"

#include "path/path.h"
#include "steer/soft.h"
#include "worker/tx.h"

#include <rte_ethdev.h>
#include <string.h>

static void work(struct worker *w, struct rte_mbuf **mbufs, uint16_t n, enum source from) {
	struct burst b;

	worker_spare(w);
	path_run(w->core, &b, mbufs, n, from);
	tx_verdicts(w, &b);
	tx_extra(w);
}

bool rx_again(struct worker *w) {
	struct extra *e = &w->core->extra;
	struct rte_mbuf *mbufs[BURST];
	uint16_t n = RTE_MIN(e->n_again, (uint16_t)BURST);

	if (n == 0)
		return false;
	// The first to come are the first to go on.
	memcpy(mbufs, e->again, n * sizeof(*mbufs));
	e->n_again -= n;
	memmove(e->again, &e->again[n], e->n_again * sizeof(*e->again));
	work(w, mbufs, n, FROM_HELD);
	return true;
}

bool rx_ports(struct worker *w) {
	struct rte_mbuf *mbufs[BURST];
	bool any = false;

	for (uint16_t port = 0; port < w->n_ports; port++) {
		const struct worker_port *wp = &w->ports[port];
		uint16_t n;
		if (wp->rx_queue == NO_QUEUE)
			continue;
		n = rte_eth_rx_burst(wp->dpdk_id, wp->rx_queue, mbufs, BURST);
		if (n == 0)
			continue;
		// From here on a packet's port is our number of it, not DPDK's.
		for (uint16_t i = 0; i < n; i++)
			mbufs[i]->port = port;
		w->counters.rx_packets += n;
		work(w, mbufs, n, FROM_PORT);
		any = true;
	}
	return any;
}

// Packets to be sent leave the list, the rest stay to be worked on; returns how many stay.
static uint16_t send_finished(struct worker *w, struct rte_mbuf **mbufs, uint16_t n) {
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (soft_kind(mbufs[i]) == SOFT_SEND)
			tx_port(w, mbufs[i]->port, mbufs[i]);
		else
			mbufs[kept++] = mbufs[i];
	}
	return kept;
}

// The KNI core hands over what a port's device has brought to it by mistake, and nobody has looked at yet.
static void work_handed(struct worker *w, uint16_t source, struct rte_mbuf **mbufs, uint16_t n) {
	if (source < w->core->n_workers) {
		w->counters.handed_in += n;
		work(w, mbufs, n, FROM_WORKER);
	} else {
		w->counters.rx_packets += n;
		work(w, mbufs, n, FROM_PORT);
	}
}

bool rx_handoff(struct worker *w) {
	struct rte_mbuf *mbufs[BURST];
	bool any = false;

	for (uint16_t source = 0; source < w->n_sources; source++) {
		uint16_t n;
		if (w->from[source] == NULL)
			continue;
		n = soft_take(w->from[source], mbufs, BURST);
		if (n == 0)
			continue;
		any = true;
		n = send_finished(w, mbufs, n);
		if (n > 0)
			work_handed(w, source, mbufs, n);
	}
	return any;
}

void rx_standby(struct worker *w) {
	for (uint16_t port = 0; port < w->n_ports; port++) {
		const struct worker_port *wp = &w->ports[port];
		if (wp->rx_queue != NO_QUEUE)
			standby_drain(&wp->standby, wp->rx_queue);
	}
}
