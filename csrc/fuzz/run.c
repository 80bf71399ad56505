// SPDX-License-Identifier: BSD-3-Clause

#include "fuzz/run.h"

#include "fuzz/answer.h"
#include "fuzz/bytes.h"
#include "fuzz/check.h"
#include "fuzz/cut.h"
#include "fuzz/frame.h"
#include "fuzz/memory.h"
#include "fuzz/spoil.h"
#include "fuzz/totals.h"
#include "fuzz/trace.h"
#include "fuzz/world.h"

#include <string.h>

// Passed on from worker to worker so often, a packet goes round: each worker may have been asked once, some twice.
enum { SEGMENT_MIN = 96, PROXY_SYNS = 3, MAX_HOPS = FUZZ_MAX_WORKERS + 3, MAX_OWN = 1024 };

struct kept {
	uint32_t len;
	uint16_t port;
	uint8_t data[FRAME_MAX];
};

// The state of one input. Too large for the stack, and nothing outlives an input but the totals.
struct run {
	struct slb_config config;
	struct tally tally;
	uint8_t fails; // allocation of the next change or view
	uint32_t packets, waited_ms, n_ops, n_waiting, n_late, n_kept;
	uint16_t worker; // of the burst
	struct slb_op ops[FUZZ_MAX_OPS];
	struct harness_packet waiting[HARNESS_BURST]; // the burst
	struct harness_packet before[HARNESS_BURST];
	uint16_t late_worker[HARNESS_BURST];
	uint32_t late_hops[HARNESS_BURST];
	struct harness_packet late[HARNESS_BURST]; // handed over, still on the way
	struct kept kept[FUZZ_KEPT]; // a ring
	struct harness_packet last; // frame as the input gave it
	struct harness_packet handed[MAX_HOPS + 1][HARNESS_BURST]; // by hops
	struct harness_packet own[MAX_HOPS + 1][MAX_OWN];
};

static struct run r;

static void keep(const struct harness_packet *p) {
	struct kept *k = &r.kept[r.n_kept++ % FUZZ_KEPT];

	k->len = p->len;
	k->port = p->arg;
	memcpy(k->data, p->data, p->len);
}

// The frame that came out `which` frames ago; NULL when there is none.
static const struct kept *kept(uint8_t which) {
	uint32_t have = r.n_kept < FUZZ_KEPT ? r.n_kept : FUZZ_KEPT;

	return have > 0 ? &r.kept[(r.n_kept - 1 - which % have) % FUZZ_KEPT] : NULL;
}

static void run_burst(
	uint16_t worker, struct harness_packet *packets, uint32_t n, bool late, uint32_t hops
);

static void copy_packet(struct harness_packet *to, const struct harness_packet *from) {
	memcpy(to, from, offsetof(struct harness_packet, data) + from->len);
}

static void deliver_late(void) {
	for (uint32_t i = 0; i < r.n_late; i++) {
		uint32_t hops = r.late_hops[i];
		copy_packet(&r.handed[hops][0], &r.late[i]);
		run_burst(r.late_worker[i], r.handed[hops], 1, false, hops);
	}
	r.n_late = 0;
}

// What a worker left for worker `to` arrives there as one burst, at once or later.
static void hand_over(
	uint16_t to, const struct harness_packet *packets, uint32_t n, bool late, uint32_t hops
) {
	uint32_t n_handed = 0;

	for (uint32_t i = 0; i < n; i++) {
		bool later = late && r.n_late < HARNESS_BURST;
		struct harness_packet *p;
		if (packets[i].verdict != HARNESS_HANDOFF || packets[i].arg != to)
			continue;
		if (hops > MAX_HOPS)
			broken("a packet goes round");
		p = later ? &r.late[r.n_late] : &r.handed[hops][n_handed];
		copy_packet(p, &packets[i]);
		p->handed = 1;
		if (later) {
			r.late_hops[r.n_late] = hops;
			r.late_worker[r.n_late++] = to;
		} else if (++n_handed == HARNESS_BURST) {
			run_burst(to, r.handed[hops], n_handed, false, hops);
			n_handed = 0;
		}
	}
	if (n_handed > 0)
		run_burst(to, r.handed[hops], n_handed, false, hops);
}

static void hand_over_all(
	const struct harness_packet *packets, uint32_t n, bool late, uint32_t hops
) {
	for (uint16_t to = 0; to < r.config.n_workers; to++)
		hand_over(to, packets, n, late, hops + 1);
}

static void count(const struct harness_packet *p) {
	totals_verdict(p->verdict);
	if (p->verdict == HARNESS_TX)
		keep(p);
}

// What the path has made itself, or had held until now; returns how many, in r.own[hops].
static uint32_t take_own(uint16_t worker, uint32_t hops) {
	struct harness_packet *own = r.own[hops];
	int n = harness_take(worker, own, MAX_OWN);

	for (int i = 0; i < n; i++) {
		spoil_packet(&own[i]);
		trace_packet(worker, NULL, &own[i]);
		check_packet(&r.tally, worker, NULL, &own[i]);
		count(&own[i]);
	}
	return (uint32_t)n;
}

static void run_burst(
	uint16_t worker, struct harness_packet *packets, uint32_t n, bool late, uint32_t hops
) {
	uint32_t n_own;
	int rc;

	for (uint32_t i = 0; i < n; i++) {
		copy_packet(&r.before[i], &packets[i]);
		packets[i].verdict = 0;
	}
	rc = harness_run(worker, packets, n);
	if (rc != 0)
		broken("a burst of %u packets was refused: error %d", n, rc);
	for (uint32_t i = 0; i < n; i++) {
		spoil_packet(&packets[i]);
		trace_packet(worker, &r.before[i], &packets[i]);
		check_packet(&r.tally, worker, &r.before[i], &packets[i]);
		count(&packets[i]);
	}
	n_own = take_own(worker, hops);
	hand_over_all(packets, n, late, hops);
	hand_over_all(r.own[hops], n_own, false, hops);
}

static void end_burst(bool late) {
	uint32_t n = r.n_waiting;

	r.n_waiting = 0;
	if (n > 0)
		run_burst(r.worker, r.waiting, n, late, 0);
	check_held(&r.tally);
}

// Room for a packet that arrives at `place`; NULL when the input has had its share.
static struct harness_packet *arrival(uint8_t place) {
	uint16_t worker = (place & FUZZ_WORKER) % r.config.n_workers;
	struct harness_packet *p;

	if (r.packets >= FUZZ_MAX_PACKETS)
		return NULL;
	if (r.n_waiting == HARNESS_BURST || (r.n_waiting > 0 && r.worker != worker))
		end_burst(false);
	r.packets++;
	totals->packets++;
	r.worker = worker;
	p = &r.waiting[r.n_waiting++];
	p->port = (place & FUZZ_PORT) != 0 && r.config.n_ports > 1;
	p->handed = 0;
	return p;
}

static void arrived(uint8_t place) {
	if (place & FUZZ_BURST_ENDS)
		end_burst(place & FUZZ_HANDED_LATE);
}

// As the switch does it for a port in a VLAN.
static void put_tag(struct harness_packet *p) {
	if (r.config.ports[p->port].vlan == 0 || p->len < ETH_LEN || p->len + 4 > FRAME_MAX
	    || get16(p->data + 12) == ETHERTYPE_VLAN)
		return;
	memmove(p->data + 16, p->data + 12, p->len - 12);
	put16(p->data + 12, ETHERTYPE_VLAN);
	put16(p->data + 14, r.config.ports[p->port].vlan);
	p->len += 4;
}

// A first segment too short for any header is seldom of use.
static uint16_t segments(uint32_t len, uint8_t place, bool sensible) {
	uint16_t n = 1 + (place & FUZZ_SEGMENTS) / 16;

	return sensible && len < n * SEGMENT_MIN ? 1 : n;
}

static void arrive(const uint8_t *frame, uint32_t len, uint16_t port, uint8_t place, bool tag) {
	struct harness_packet *p = arrival(place);

	if (p == NULL)
		return;
	p->len = len;
	p->port = port;
	memcpy(p->data, frame, len);
	p->segments = segments(len, place, tag);
	if (tag)
		put_tag(p);
	arrived(place);
}

// Makes the frame right and lets it arrive, in pieces if it is to be cut.
static void submit(uint8_t *frame, uint32_t len, uint16_t port, const struct fuzz_frame *how) {
	struct piece pieces[FUZZ_MAX_PIECES];
	uint8_t one[FRAME_MAX];
	bool tag = how->fix & FUZZ_FIX_TAG;
	uint32_t head, n;

	frame_fix(frame, len, how->fix);
	head = how->cut & FUZZ_CUT_SIZE ? cut_head(frame, len) : 0;
	if (head == 0) {
		arrive(frame, len, port, how->place, tag);
		return;
	}
	n = cut_plan(len - head, how->cut, pieces);
	for (uint32_t i = 0; i < n; i++)
		arrive(one, cut_piece(frame, head, &pieces[i], one), port, how->place, tag);
}

static void run_frame(const uint8_t *record, uint32_t len) {
	struct fuzz_frame how;
	uint8_t frame[FRAME_MAX];

	memcpy(&how, record, sizeof(how));
	len -= (uint32_t)sizeof(how);
	r.last.len = len;
	r.last.port = (how.place & FUZZ_PORT) != 0 && r.config.n_ports > 1;
	memcpy(r.last.data, record + sizeof(how), len);
	memcpy(frame, r.last.data, len);
	submit(frame, len, r.last.port, &how);
}

static uint16_t reply_port(const struct kept *k, uint8_t place) {
	return place & FUZZ_OTHER_PORT && r.config.n_ports > 1 ? !k->port : k->port;
}

// Replies and quotations begin as a frame's record does.
static void run_answer(const uint8_t *record, uint8_t kind) {
	struct fuzz_frame how;
	struct fuzz_reply reply;
	struct fuzz_quote quote;
	uint8_t frame[FRAME_MAX];
	const struct kept *k;
	uint32_t len;

	memcpy(&how, record, offsetof(struct fuzz_frame, len_be));
	end_burst(how.place & FUZZ_HANDED_LATE);
	memcpy(&reply, record, sizeof(reply));
	k = kept(reply.which);
	if (k == NULL)
		return;
	if (kind == FUZZ_REPLY) {
		len = answer_reply(k->data, k->len, &reply, frame);
	} else {
		memcpy(&quote, record, sizeof(quote));
		len = answer_quote(k->data, k->len, &quote, frame);
	}
	if (len > 0)
		submit(frame, len, reply_port(k, how.place), &how);
}

// The next frame of a series.
static void step(struct harness_packet *p, uint8_t stride) {
	struct layers l;

	layers_of(p->data, p->len, &l);
	if (stride == FUZZ_BY_PORT && l.l4 != 0 && l.l4 + 2u <= p->len)
		put16(p->data + l.l4, get16(p->data + l.l4) + 1u);
	else if (stride == FUZZ_BY_ADDRESS && l.l3 != 0)
		p->data[l.l3 + (l.version == 4 ? 15 : 23)]++;
	else if (stride == FUZZ_BY_IP_ID && l.version == 4)
		put16(p->data + l.l3 + 4, get16(p->data + l.l3 + 4) + 1u);
	else if (stride == FUZZ_BY_IP_ID && l.fragment_at != 0)
		p->data[l.fragment_at + 7]++;
}

static void run_repeat(const uint8_t *record) {
	struct fuzz_repeat repeat;

	memcpy(&repeat, record, sizeof(repeat));
	for (uint32_t i = 0; i < (repeat.count & 63u) && r.last.len > 0; i++) {
		step(&r.last, repeat.stride % FUZZ_STRIDES);
		frame_fix(r.last.data, r.last.len, FUZZ_FIX_ALL);
		arrive(r.last.data, r.last.len, r.last.port, repeat.place, true);
	}
}

static void advance(uint32_t ms) {
	harness_advance_ms(ms);
	for (uint16_t worker = 0; worker < r.config.n_workers; worker++)
		hand_over_all(r.own[0], take_own(worker, 0), false, 0);
}

static void run_wait(const uint8_t *record) {
	uint32_t ms = (1 + (record[1] & 15u)) * 50 << (record[1] >> 4 & 7);

	if (ms > FUZZ_MAX_WAIT_MS - r.waited_ms)
		return;
	r.waited_ms += ms;
	trace_step("wait", ms);
	advance(ms);
}

static void memory_is_back(void) {
	r.fails = 0;
	fuzz_memory_fail(0);
}

static void commit(void) {
	struct slb_refused refused;
	uint64_t generation, before = harness_generation(0);
	int rc;

	fuzz_memory_fail(r.fails);
	rc = harness_commit(r.ops, r.n_ops, &generation, &refused);
	memory_is_back();
	spoil_commit(&generation);

	for (uint32_t i = 0; i < r.n_ops; i++)
		trace_change(&r.ops[i]);
	trace_step(rc == 0 ? "committed" : "refused with error", (uint32_t)-rc);
	if (generation != before + (rc == 0))
		broken("a transaction with result %d made generation %u of %u", rc,
		       (unsigned)generation, (unsigned)before);
	for (uint16_t w = 0; w < r.config.n_workers; w++)
		if (harness_generation(w) != generation)
			broken("worker %u is not at the generation of the others", w);
	r.n_ops = 0;
}

static void run_change(const uint8_t *record) {
	struct fuzz_change change;

	memcpy(&change, record, sizeof(change));
	r.ops[r.n_ops++] = (struct slb_op){
		.kind = 1 + (change.op & 127) % SLB_OP_RS_DEL,
		.scheduler = (change.scheduler & 15) % (SLB_SCHED_COUNT + 1),
		.client_address = change.scheduler >> 5 & 3,
		.one_packet = change.scheduler >> 7,
		.syn_proxy = change.scheduler >> 4 & 1,
		.weight = change.weight,
		.vs = world_service(change.vs),
		.rs = world_server(change.rs),
	};
	world_timeouts(change.timeouts, r.ops[r.n_ops - 1].timeout_s);
	r.tally.one_packet |= change.scheduler >> 7;
	if (change.op < 128 || r.n_ops == FUZZ_MAX_OPS)
		commit();
}

static void run_view(uint8_t number) {
	trace_step("routes", number);
	fuzz_memory_fail(r.fails);
	world_view(number, r.config.n_ports);
	memory_is_back();
}

static void run_starve(const uint8_t *record) {
	struct fuzz_starve starve;

	memcpy(&starve, record, sizeof(starve));
	starve.spare %= FUZZ_SPARE + 1;
	trace_step("buffers in reserve", starve.spare);
	trace_step("allocation that fails", starve.fails);
	r.fails = starve.fails;
	r.tally.untold |= starve.spare < FUZZ_SPARE;
	harness_spare(starve.spare);
}

static void run_reset(const uint8_t *record) {
	int rc = world_reset(record[1], record[2]);

	trace_step(rc >= 0 ? "reset" : "no reset with error", (uint32_t)(rc >= 0 ? 0 : -rc));
	advance(0);
}

static void run_record(const uint8_t *record, uint32_t len) {
	uint8_t kind = record_kind(record[0]);

	if (kind != FUZZ_FRAME && kind != FUZZ_REPEAT && kind != FUZZ_NOTHING)
		end_burst(false);
	switch (kind) {
	case FUZZ_NOTHING:
		return;
	case FUZZ_FRAME:
		run_frame(record, len);
		return;
	case FUZZ_REPLY:
	case FUZZ_QUOTE:
		run_answer(record, kind);
		return;
	case FUZZ_REPEAT:
		run_repeat(record);
		return;
	case FUZZ_WAIT:
		run_wait(record);
		break;
	case FUZZ_CHANGE:
		run_change(record);
		break;
	case FUZZ_ROUTES:
		run_view(record[1]);
		break;
	case FUZZ_RESET:
		run_reset(record);
		break;
	case FUZZ_STARVE:
		run_starve(record);
		break;
	case FUZZ_QUIESCE:
		trace_step("quiesce", 0);
		harness_quiesce();
		break;
	}
	deliver_late();
}

static void open_engine(const struct fuzz_head *head) {
	char text[SLB_TEXT_LEN];
	int rc;

	fuzz_memory_restart();
	world_config(head, &r.config);
	rc = harness_open(&r.config, text, sizeof(text));
	if (rc != 0)
		broken("the engine does not open: %s", text);
	r.tally.workers = r.config.n_workers;
	r.tally.ports = r.config.n_ports;
	for (uint16_t i = 0; i < r.config.n_ports; i++) {
		r.tally.mtu[i] = r.config.ports[i].mtu;
		r.tally.vlan[i] = r.config.ports[i].vlan;
	}
	world_services(head);
	world_view(head->view & 63, r.config.n_ports);
}

static void close_engine(void) {
	uint64_t live;

	check_counters(&r.tally);
	// One that waits behind a SYN proxy ends with the last SYN that it sends, one at a time.
	for (int i = 0; i < PROXY_SYNS; i++)
		advance(spoil_time(world_longest_ms(&r.config)));
	check_over(&r.tally);
	totals_drops(r.config.n_workers);
	harness_close();
	live = fuzz_memory_live();
	if (live != 0)
		broken("%u objects were not freed", (unsigned)live);
}

static void clear(void) {
	r.packets = r.waited_ms = r.n_ops = r.n_waiting = r.n_late = r.n_kept = 0;
	r.last.len = 0;
	r.fails = 0;
	memset(&r.tally, 0, sizeof(r.tally));
}

void run_input(const uint8_t *input, size_t size) {
	struct fuzz_head head = {0};
	size_t at = sizeof(head);
	uint32_t len;

	memcpy(&head, input, size < sizeof(head) ? size : sizeof(head));
	clear();
	open_engine(&head);
	for (uint32_t n = 0; n < FUZZ_MAX_RECORDS; n++, at += len) {
		len = record_len(input, size, at);
		if (len == 0)
			break;
		run_record(input + at, len);
	}
	end_burst(false);
	deliver_late();
	spoil_memory();
	close_engine();
	totals->inputs++;
}
