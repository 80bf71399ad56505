// SPDX-License-Identifier: BSD-3-Clause
// One worker's rounds as slbd runs them, over net_ring, while the admin core on the other CPU commits. A round's control work is what inbox_poll() and
// sweep() take in it.
//
// Packets come at half of the rate that the worker forwards at, by the cycles that its rounds take, so writing their frames in between costs it
// nothing; and as fast as it is at that time, so that a machine whose neighbours slow it down brings fewer. What finds no place
// among RING descriptors is lost.
//
// A round says nothing about the engine when the kernel gave the CPU to somebody else (a context switch of this thread between its begin
// and its end) or when all but its control work took more than 50 us: then an interrupt or the hypervisor had the CPU, as a burst takes a tenth
// of that. Such rounds are left out and counted. For its control work none is, however long that took; and a change of which too many
// parts were carried out in rounds left out is made once more.

#define _GNU_SOURCE // RUSAGE_THREAD

#include "bench/account.h"
#include "bench/bench.h"
#include "bench/control_change.h"
#include "bench/spoil.h"
#include "bench/trace.h"
#include "bench/worker.h"
#include "bench/world.h"
#include "base/clock.h"
#include "harness/inner.h"
#include "path/lifecycle.h"

#include <rte_cycles.h>
#include <rte_eth_ring.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <stdio.h>
#include <sys/resource.h>

enum {
	RING = 1024, // descriptors, as of a NIC's queue
	MBUFS = 2 * RING,
	PACE_ROUNDS = 4000, // that the rate is taken from
	PACE_WEIGHT = 64, // rounds by which the pace follows
	TRACE = 1 << 18,
	DRAIN_TCP_S = 60,
	TIMEOUT = 1 << 24, // ticks
	PATIENCE = 20, // turns for each that is to be seen
	LOAD = 2, // one packet comes in the time that two would take
};

struct wire {
	uint16_t dpdk_id;
	struct rte_ring *in, *out;
	struct trace trace;
	struct trace expected; // the same packets, as they leave
	struct rte_mbuf *spare[MBUFS];
	uint32_t n_spare;
	bool tcp; // of sessions that end both ends are asked
	uint64_t asked; // of them
};

// Cycles of rounds without control work.
struct pace {
	double empty, full; // of a round that forwards nothing, or a burst
	double slow; // how many times as much it is at this time
};

struct phase {
	double control_us, sweep_us, other_us; // at worst in one round; a sweep is control work too
	uint64_t lost;
	uint32_t left_out;
	double ms; // until all is done
	double hole_us; // at worst, in a loop for as long that does nothing
	uint32_t seen; // transactions that were carried out in rounds that count
};

static struct wire wire;
static struct worker *worker;

static struct rte_ring *ring(const char *name) {
	struct rte_ring *r = rte_ring_create(
		name, RING, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ
	);

	if (r == NULL)
		world_fail("no memory for a ring");
	return r;
}

static void open_wire(void) {
	struct rte_mbuf **mbufs = world_mbufs(MBUFS);
	int port;

	wire.in = ring("control_in");
	wire.out = ring("control_out");
	port = rte_eth_from_rings("control", &wire.in, 1, &wire.out, 1, 0);
	if (port < 0)
		world_fail("there is no net_ring");
	wire.dpdk_id = (uint16_t)port;
	bench_port_start(wire.dpdk_id);
	for (; wire.n_spare < MBUFS; wire.n_spare++)
		wire.spare[wire.n_spare] = mbufs[wire.n_spare];
	wire.trace = wire.expected = trace_draw(world_core(0), TRACE, TRACE_BOTH);
}

static void open_worker(void) {
	worker = bench_worker(wire.dpdk_id);
	worker->inbox.ring = harness_admin()->inbox[0];
	// Sessions stay however seldom a packet comes.
	for (int state = 0; state < SLB_STATE_COUNT; state++)
		worker->core->policies[world_vs(0)->policy].timeout[state] = TIMEOUT;
	worker->core->drain_tcp = clock_ticks_from_s(DRAIN_TCP_S);
}

// So many packets arrive; returns how many of them find no place.
static uint32_t arrive(uint32_t n) {
	uint32_t room = RTE_MIN(rte_ring_free_count(wire.in), n);

	for (uint32_t i = 0; i < room; i++) {
		struct rte_mbuf *m = wire.spare[--wire.n_spare];
		frame_write(m, trace_next(&wire.trace));
		rte_ring_sp_enqueue(wire.in, m);
	}
	return n - room;
}

// Of what the worker forwards and of the questions that it makes itself the first in each round is looked at. What it forwards leaves in
// the order in which it has come.
static void check_sent(struct rte_mbuf *const *sent, uint32_t n) {
	bool looked[2] = {false};

	for (uint32_t i = 0; i < n; i++) {
		bool made = frame_proto(sent[i]) == SLB_PROTO_TCP;
		const struct frame_key *k = made ? NULL : trace_next(&wire.expected);
		wire.asked += made;
		if (looked[made])
			continue;
		looked[made] = true;
		if (made == wire.tcp)
			spoil(sent[i]);
		if (made ? !world_is_question(sent[i]) : !trace_is_answer(worker->core, k, sent[i]))
			world_fail("a packet did not become what it must");
	}
}

// What the worker has sent comes round again, or as much as goes round: any mbuf is as good as another.
static void leave(void) {
	struct rte_mbuf *sent[RING];
	uint32_t n = rte_ring_sc_dequeue_burst(wire.out, (void **)sent, RING, NULL);
	uint32_t room = MBUFS - wire.n_spare - rte_ring_count(wire.in);

	check_sent(sent, n);
	for (uint32_t i = 0; i < n; i++) {
		if (i < room)
			wire.spare[wire.n_spare++] = sent[i];
		else
			rte_pktmbuf_free(sent[i]);
	}
}

static uint64_t switches(void) {
	struct rusage used;

	getrusage(RUSAGE_THREAD, &used);
	return (uint64_t)(used.ru_nvcsw + used.ru_nivcsw);
}

struct lap {
	uint64_t took; // cycles
	uint64_t control; // of them
	uint64_t sweep; // of these
	uint32_t packets;
	bool disturbed;
	bool changed; // a transaction was carried out
};

static struct lap lap(void) {
	uint64_t before = switches(), generation = worker->core->generation, began;
	uint64_t packets = worker->counters.rx_packets;
	struct lap l;

	accounts = (struct accounts){0};
	began = rte_rdtsc_precise();
	worker_round(worker);
	l.took = rte_rdtsc_precise() - began;
	l.sweep = accounts.cycles[ACCOUNT_SWEEP];
	l.control = accounts.cycles[ACCOUNT_INBOX] + l.sweep;
	l.changed = worker->core->generation != generation;
	l.packets = (uint32_t)(worker->counters.rx_packets - packets);
	l.disturbed =
		switches() != before || l.took - l.control > rte_get_tsc_hz() / DISTURBED_PER_S;
	leave();
	return l;
}

static double rounds_of(uint32_t packets) {
	uint64_t cycles = 0, n = 0;

	for (uint32_t i = 0; i < PACE_ROUNDS || n == 0; i++) {
		struct lap l;
		arrive(packets);
		l = lap();
		cycles += l.disturbed ? 0 : l.took - l.control;
		n += !l.disturbed;
	}
	return (double)cycles / (double)n;
}

static void keep_pace(struct pace *p, const struct lap *l) {
	double took = (double)(l->took - l->control);
	double expected = p->empty + (p->full - p->empty) * l->packets / BURST;

	p->slow += (took / expected - p->slow) / PACE_WEIGHT;
}

// Packets that come in so many cycles.
static double coming(const struct pace *p, uint64_t cycles) {
	return (double)cycles * BURST / (p->full * p->slow * LOAD);
}

static void worst(double *us, uint64_t cycles) {
	double took = (double)cycles * 1e6 / (double)rte_get_tsc_hz();

	*us = RTE_MAX(*us, took);
}

static void settle(void) {
	while (rte_ring_count(wire.in) > 0)
		lap();
}

// The longest time between two looks at the clock, by a loop that does nothing else for so many cycles: then the hypervisor or an interrupt had the CPU.
static double worst_hole(uint64_t cycles) {
	uint64_t last = rte_rdtsc(), end = last + cycles;
	double us = 0;

	while (last < end) {
		uint64_t now = rte_rdtsc();
		worst(&us, now - last);
		last = now;
	}
	return us;
}

// Forwards until the change is committed and what it leaves to sweep is swept.
static struct phase forward_during(struct control_change *change, unsigned lcore) {
	struct pace pace = {.empty = rounds_of(0), .full = rounds_of(BURST), .slow = 1};
	struct phase p = {0};
	double due = 0;
	uint64_t began = rte_rdtsc(), took;

	control_change_begin(change, lcore);
	while (!control_change_done(change) || worker->core->sweep.left > 0) {
		struct lap l;
		p.lost += arrive((uint32_t)due);
		due -= (uint32_t)due;
		l = lap();
		if (l.disturbed) {
			p.left_out++;
			continue;
		}
		due += coming(&pace, l.took);
		keep_pace(&pace, &l);
		p.seen += l.changed;
		worst(&p.control_us, l.control);
		worst(&p.sweep_us, l.sweep);
		worst(&p.other_us, l.took - l.control);
	}
	took = rte_rdtsc() - began;
	p.ms = (double)took * 1e3 / (double)rte_get_tsc_hz();
	// What has come during the last round.
	p.lost += arrive((uint32_t)due);
	settle();
	control_change_end(change, lcore);
	p.hole_us = worst_hole(took);
	return p;
}

static void say(
	const char *phase, const char *what, uint32_t run, double value, uint32_t left_out
) {
	char side[64];

	snprintf(side, sizeof(side), "%s %s", phase, what);
	bench_say(side, run, (struct reading){.cycles = value, .left_out = left_out});
}

static uint64_t dropped(void) {
	uint64_t n = 0;

	for (int reason = 0; reason < SLB_DROP_COUNT; reason++)
		n += worker->core->counters.drops[reason];
	return n;
}

// The packets are those of sessions that stay, so none may be lost in the engine, and no session.
static void check(uint32_t sessions) {
	if (dropped() > 0)
		world_fail("the engine dropped packets of sessions that no change was about");
	if (worker->core->sessions.active != sessions)
		world_fail("sessions that no change was about have ended");
}

// Of whom enough was seen.
static bool report(const struct control_change *change, const struct phase *p, uint32_t run) {
	if (p->seen < change->n_txns - change->n_txns / 10)
		return false;
	say(change->name, "us", run, p->control_us, p->left_out);
	say(change->name, "sweep", run, p->sweep_us, 0);
	say(change->name, "other", run, p->other_us, 0);
	say(change->name, "lost", run, (double)p->lost, 0);
	say(change->name, "hole", run, p->hole_us, 0);
	return true;
}

// All kinds of changes in turn, until each has been seen often enough.
static void measure(const struct request *r, unsigned lcore, uint32_t n_vs) {
	uint32_t seen[CONTROL_KINDS] = {0}, left = CONTROL_KINDS * r->runs;

	for (uint32_t turn = 0; left > 0; turn++) {
		if (turn == PATIENCE * r->runs)
			world_fail("the kernel interrupted every change; is the machine busy?");
		for (enum control_kind kind = 0; kind < CONTROL_KINDS; kind++) {
			struct control_change *change = control_change_of(kind, n_vs);
			struct phase p = forward_during(change, lcore);
			if (seen[kind] < r->runs && report(change, &p, seen[kind])) {
				seen[kind]++;
				left--;
			}
		}
		check(r->sessions);
	}
}

// Returns the admin core's lcore.
static unsigned open_all(const struct request *r, uint32_t n_vs) {
	const struct world_size size = {
		.workers = 1,
		.rs = WORLD_RS,
		.laddrs = WORLD_LADDRS,
		.sessions = r->sessions,
		.vs_more = n_vs,
		.rs_more = n_vs * CONTROL_RS,
	};
	unsigned lcore = rte_get_next_lcore((unsigned)-1, 1, 0);

	if (lcore >= RTE_MAX_LCORE)
		world_fail("a worker beside the admin core needs two CPUs");
	world_open(&size);
	world_fill(0, r->sessions);
	open_wire();
	open_worker();
	return lcore;
}

static void control(const struct request *r, uint32_t n_vs) {
	measure(r, open_all(r, n_vs), n_vs);
}

void bench_control(const struct request *r) {
	control(r, CONTROL_VS);
}

void bench_control_few(const struct request *r) {
	control(r, CONTROL_VS / 50);
}

void bench_control_late(const struct request *r) {
	account_late_us = 1000;
	bench_control_few(r);
}

// Packets come of sessions whose RS is none of these.
static void spare_rs(struct trace *t, uint32_t n_rs) {
	const struct core *c = world_core(0);
	uint32_t kept = 0;

	for (uint32_t i = 0; i < t->n; i++)
		if (c->sessions.entries[t->keys[i].line].rs >= n_rs)
			t->keys[kept++] = t->keys[i];
	t->n = kept;
	wire.expected = *t;
}

// Makes open connections of the sessions of these RS. Their keys lead to them no more, and no packet of theirs comes.
static void connect(uint32_t n_rs) {
	struct core *c = world_core(0);
	struct session_table *t = &c->sessions;

	for (uint32_t at = session_at(t, 0); at < t->lines; at = session_at(t, at + 1)) {
		struct session *s = &t->entries[at];
		if (s->kind[DIR_IN] == 0 || s->rs >= n_rs)
			continue;
		s->kind[DIR_IN] = s->kind[DIR_OUT] = SLB_PROTO_TCP;
		session_state(c, s, SLB_TCP_ESTABLISHED);
	}
}

static void reset(
	const char *name, uint32_t first, uint32_t n, const struct request *r, uint32_t run,
	unsigned lcore
) {
	struct slb_reset resets[WORLD_RS];
	struct control_change change = {.name = name, .resets = resets, .n_resets = n};
	uint64_t expected = (uint64_t)r->sessions / WORLD_RS * n;
	struct phase p;

	for (uint32_t i = 0; i < n; i++)
		resets[i] = world_reset(first + i);
	wire.asked = 0;
	p = forward_during(&change, lcore);
	if (wire.asked != (wire.tcp ? 2 * change.ended : 0))
		world_fail("not both ends of each session have been asked");
	if (change.ended < expected)
		world_fail("sessions of an RS have not ended");
	if (dropped() > 0)
		world_fail("the engine dropped packets of sessions of other RS");
	report(&change, &p, run);
	say(name, "ended", run, change.ended, 0);
	say(name, "ms", run, p.ms, 0);
}

// Half of the RS may lose their sessions: one RS after the other, and then those left together. The packets are those of the other half.
static void resets(const struct request *r, bool tcp) {
	enum { HALF = WORLD_RS / 2 };
	uint32_t runs = RTE_MIN(r->runs, HALF - 1U);
	unsigned lcore = open_all(r, 0);

	spare_rs(&wire.trace, HALF);
	wire.tcp = tcp;
	if (tcp)
		connect(HALF);
	for (uint32_t run = 0; run < runs; run++)
		reset("one RS", run, 1, r, run, lcore);
	reset("half", runs, HALF - runs, r, 0, lcore);
}

void bench_reset_load(const struct request *r) {
	resets(r, false);
}

void bench_reset_load_tcp(const struct request *r) {
	resets(r, true);
}
