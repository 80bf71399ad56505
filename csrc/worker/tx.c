// SPDX-License-Identifier: BSD-3-Clause

#include "worker/tx.h"

#include "steer/soft.h"

#include <rte_branch_prediction.h>
#include <rte_ethdev.h>

static void drop_rest(struct worker *w, struct outbox *box, uint16_t from, enum slb_drop reason) {
	if (from == box->n)
		return;
	w->core->counters.drops[reason] += box->n - from;
	rte_pktmbuf_free_bulk(&box->mbufs[from], box->n - from);
}

static void flush_port(struct worker *w, struct worker_port *wp) {
	uint16_t sent = rte_eth_tx_burst(wp->dpdk_id, wp->tx_queue, wp->tx.mbufs, wp->tx.n);

	w->counters.tx_packets += sent;
	drop_rest(w, &wp->tx, sent, SLB_DROP_TX_FULL);
	wp->tx.n = 0;
}

// Leaves out those that are finished and only sent by another worker.
static uint16_t count_work(const struct outbox *box, uint16_t from) {
	uint16_t n = 0;

	for (uint16_t i = from; i < box->n; i++)
		n += soft_kind(box->mbufs[i]) == SOFT_WORK;
	return n;
}

static void flush_handoff(struct worker *w, uint16_t to) {
	struct outbox *box = &w->handoff[to];
	// Afterwards they are the other worker's.
	uint16_t work = count_work(box, 0);
	uint16_t passed = soft_pass(w->to[to], box->mbufs, box->n);

	w->counters.handed_off += work - count_work(box, passed);
	drop_rest(w, box, passed, SLB_DROP_HANDOFF_FULL);
	box->n = 0;
}

static void flush_punt(struct worker *w) {
	uint16_t passed = soft_pass(w->punt_ring, w->punt.mbufs, w->punt.n);

	w->counters.punted += passed;
	drop_rest(w, &w->punt, passed, SLB_DROP_PUNT_FULL);
	w->punt.n = 0;
}

static void put_handoff(struct worker *w, uint16_t to, struct rte_mbuf *m, enum soft_kind kind) {
	struct outbox *box = &w->handoff[to];

	soft_mark(m, kind);
	box->mbufs[box->n++] = m;
	if (box->n == TX_BUFFER)
		flush_handoff(w, to);
}

void tx_port(struct worker *w, uint16_t port, struct rte_mbuf *m) {
	struct worker_port *wp = &w->ports[port];

	if (wp->tx_queue == NO_QUEUE) {
		m->port = port;
		put_handoff(w, wp->tx_via, m, SOFT_SEND);
		return;
	}
	wp->tx.mbufs[wp->tx.n++] = m;
	if (wp->tx.n == TX_BUFFER)
		flush_port(w, wp);
}

// A burst that leaves whole by one port: the usual one.
static bool put_all(struct worker *w, struct burst *b) {
	struct worker_port *wp;
	uint32_t other = 0;

	if (b->passed != b->n || b->n == 0 || b->pkts[0].verdict != VERDICT_TX)
		return false;
	wp = &w->ports[b->pkts[0].arg];
	if (wp->tx_queue == NO_QUEUE || wp->tx.n + b->n > TX_BUFFER)
		return false;
	for (uint16_t i = 0; i < b->n; i++) {
		const struct pkt *p = &b->pkts[i];
		wp->tx.mbufs[wp->tx.n + i] = p->m;
		// For want of room for its tag one may have been dropped.
		other |= (uint32_t)(p->arg ^ b->pkts[0].arg) | (p->verdict ^ VERDICT_TX);
	}
	if (other != 0)
		return false;
	wp->tx.n += b->n;
	if (wp->tx.n == TX_BUFFER)
		flush_port(w, wp);
	return true;
}

static bool put_punt(struct worker *w, struct rte_mbuf *m) {
	if (!w->ports[m->port].has_kni) {
		core_count_drop(w->core, SLB_DROP_PUNT_NO_KNI);
		return false;
	}
	w->punt.mbufs[w->punt.n++] = m;
	if (w->punt.n == TX_BUFFER)
		flush_punt(w);
	return true;
}

void tx_verdicts(struct worker *w, struct burst *b) {
	struct rte_mbuf *dropped[BURST];
	uint16_t n_dropped = 0;

	if (put_all(w, b))
		return;
	for (uint16_t i = 0; i < b->n; i++) {
		struct pkt *p = &b->pkts[i];
		if (likely(p->verdict == VERDICT_TX))
			tx_port(w, p->arg, p->m);
		else if (p->verdict == VERDICT_HANDOFF)
			put_handoff(w, p->arg, p->m, SOFT_WORK);
		else if (
			p->verdict == VERDICT_DROP
			|| (p->verdict == VERDICT_PUNT && !put_punt(w, p->m))
		)
			dropped[n_dropped++] = p->m;
	}
	if (n_dropped > 0)
		rte_pktmbuf_free_bulk(dropped, n_dropped);
}

void tx_extra(struct worker *w) {
	struct extra *e = &w->core->extra;

	for (uint16_t i = 0; i < e->n_send; i++)
		tx_port(w, e->send[i]->port, e->send[i]);
	e->n_send = 0;
}

void tx_flush(struct worker *w) {
	for (uint16_t port = 0; port < w->n_ports; port++)
		if (w->ports[port].tx.n > 0)
			flush_port(w, &w->ports[port]);
	for (uint16_t to = 0; to < w->core->n_workers; to++)
		if (w->handoff[to].n > 0)
			flush_handoff(w, to);
	if (w->punt.n > 0)
		flush_punt(w);
}

// A tick is shorter than the tenth of a second that the bonding driver asks for. What it has made on its own thread leaves with
// the next burst, also with an empty one.
void tx_control(struct worker *w) {
	for (uint16_t port = 0; port < w->n_ports; port++) {
		struct worker_port *wp = &w->ports[port];
		if (wp->lacp && wp->tx_queue != NO_QUEUE)
			rte_eth_tx_burst(wp->dpdk_id, wp->tx_queue, wp->tx.mbufs, 0);
	}
}
