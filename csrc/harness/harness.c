// SPDX-License-Identifier: BSD-3-Clause
// The path fed from memory, for tests and fuzzers. Workers exist as cores with inboxes but have no lcore: whenever the admin
// core waits for answers, the workers that are not stalled look into their inboxes.

#include "slb_harness_c.h"

#include "base/clock.h"
#include "engine/engine.h"
#include "harness/inner.h"
#include "path/fragment.h"
#include "path/lifecycle.h"
#include "path/path.h"
#include "path/sweep.h"
#include "path/tcp_state.h"

#include <errno.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <stdio.h>
#include <string.h>

enum { INBOX_SIZE = 64 };

enum { HARNESS_OWN = 1024 };

// Packets that a path has made or released itself, until a test takes them.
struct own_packet {
	struct rte_mbuf *m;
	uint8_t verdict;
	uint16_t arg;
};

struct own {
	uint32_t n;
	struct own_packet packets[HARNESS_OWN];
};

struct harness {
	bool eal;
	struct slb_config config;
	struct rte_mempool *pool;
	struct siphash_key cookie_key;
	struct admin admin;
	struct inbox inbox[SLB_MAX_WORKERS];
	bool stalled[SLB_MAX_WORKERS];
	uint32_t answers[SLB_MAX_WORKERS]; // still to come before it is; 0: any number
	uint16_t spare;
	struct own own[SLB_MAX_WORKERS];
};

static struct harness h;

_Static_assert((int)HARNESS_SPARE == (int)SPARE_MAX, "said in the header too");

struct admin *harness_admin(void) {
	return &h.admin;
}

const struct slb_config *harness_config(void) {
	return &h.config;
}

static void next_round(uint16_t worker);
static bool poll_inboxes(void) {
	bool any = false;

	for (uint16_t w = 0; w < h.admin.n_workers; w++) {
		if (h.stalled[w] || !inbox_poll(&h.inbox[w], h.admin.cores[w]))
			continue;
		next_round(w);
		any = true;
		if (h.answers[w] > 0)
			h.stalled[w] = --h.answers[w] == 0;
	}
	return any;
}

static void run_inboxes(void *) {
	poll_inboxes();
}

static int open_worker(const struct slb_config *config, uint16_t id) {
	char name[RTE_RING_NAMESIZE];
	struct core *c = core_new(config, id, h.cookie_key, SOCKET_ID_ANY);

	if (c == NULL)
		return -ENOMEM;
	h.admin.cores[id] = c;
	snprintf(name, sizeof(name), "harness_inbox_%u", id);
	h.inbox[id] = (struct inbox){
		.ring = rte_ring_create(
			name, INBOX_SIZE, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ
		)
	};
	h.admin.inbox[id] = h.inbox[id].ring;
	h.admin.socket[id] = SOCKET_ID_ANY;
	for (uint16_t port = 0; port < config->n_ports; port++) {
		c->spread_hash[port] = harness_spreads_by_hash(config, port);
		c->hands_on[port] = harness_hands_on(port);
	}
	return h.inbox[id].ring != NULL ? 0 : -ENOMEM;
}

static int open_cores(const struct slb_config *config) {
	const struct rss_port *rss[SLB_MAX_LADDRS];
	int rc = 0;

	h.admin.wait = run_inboxes;
	h.admin.n_ports = config->n_ports;
	for (uint16_t i = 0; i < config->n_laddrs; i++)
		rss[i] = harness_rss_of(config, i);
	h.admin.steering = harness_laddr_steering();
	h.admin.shares = harness_port_shares(&h.config);
	h.cookie_key = siphash_key_draw();
	for (uint16_t i = 0; i < config->n_ports; i++) {
		h.admin.ports[i].mtu = config->ports[i].mtu;
		memcpy(h.admin.ports[i].mac, (uint8_t[]){2, 0, 0, 0, 0, (uint8_t)i}, 6);
	}
	for (uint16_t id = 0; rc == 0 && id < config->n_workers; id++) {
		h.admin.n_workers = id + 1;
		rc = open_worker(config, id);
	}
	return rc == 0 ? admin_init(&h.admin, config, rss) : rc;
}

int harness_open(const struct slb_config *config, char *text, uint32_t text_len) {
	struct err e = {text, text_len};
	int rc = config_check(config, &e);

	harness_close();
	h.config = *config;
	h.spare = SPARE_MAX;
	if (rc == 0)
		rc = harness_start(&e);
	if (rc == 0)
		rc = harness_nics_open(config, &e);
	if (rc != 0) {
		harness_nics_close();
		return rc;
	}
	rc = open_cores(config);
	if (rc != 0)
		harness_close();
	return rc == 0 ? 0 : err_set(&e, -rc, "no memory for the cores");
}

void harness_close(void) {
	// A stalled worker may hold messages; let it answer before its memory goes.
	memset(h.stalled, 0, sizeof(h.stalled));
	memset(h.answers, 0, sizeof(h.answers));
	while (poll_inboxes())
		;
	harness_unwire();
	admin_free(&h.admin);
	for (uint16_t w = 0; w < h.admin.n_workers; w++) {
		for (uint32_t i = 0; i < h.own[w].n; i++)
			rte_pktmbuf_free(h.own[w].packets[i].m);
		h.own[w].n = 0;
		rte_ring_free(h.inbox[w].ring);
		core_free(h.admin.cores[w]);
	}
	harness_nics_close();
	h.admin = (struct admin){0};
	memset(h.inbox, 0, sizeof(h.inbox));
}

// A frame cut into equal segments, so that what reads past the first one is found out.
struct rte_mbuf *harness_mbuf(const struct harness_packet *p) {
	uint32_t segments = p->segments > 1 ? p->segments : 1;
	uint32_t part = (p->len + segments - 1) / segments;
	struct rte_mbuf *head = NULL;

	for (uint32_t at = 0; at < p->len || head == NULL; at += part) {
		uint32_t n = p->len - at < part ? p->len - at : part;
		struct rte_mbuf *m = rte_pktmbuf_alloc(harness_pool());
		if (m == NULL || (n > 0 && rte_pktmbuf_append(m, (uint16_t)n) == NULL)) {
			rte_pktmbuf_free(m);
			rte_pktmbuf_free(head);
			return NULL;
		}
		memcpy(rte_pktmbuf_mtod(m, void *), p->data + at, n);
		if (head == NULL)
			head = m;
		else
			rte_pktmbuf_chain(head, m);
	}
	head->port = p->port;
	head->hash.fdir.lo = p->note[0];
	head->hash.fdir.hi = p->note[1];
	return head;
}

// What came in fits, and nothing that is longer than its port's MTU leaves; a frame that does all the same is seen cut.
void harness_frame(struct harness_packet *p, const struct rte_mbuf *m) {
	uint32_t len = RTE_MIN(m->pkt_len, (uint32_t)HARNESS_FRAME);
	const void *data = rte_pktmbuf_read(m, 0, len, p->data);

	if (data != p->data)
		memcpy(p->data, data, len);
	p->len = len;
}

static void from_mbuf(struct harness_packet *p, const struct pkt *done) {
	p->verdict = done->verdict;
	p->arg = done->arg;
	// What is held may have been sent or freed since.
	if (p->verdict == VERDICT_HELD)
		return;
	harness_frame(p, done->m);
	p->note[0] = done->m->hash.fdir.lo;
	p->note[1] = done->m->hash.fdir.hi;
}

static void keep(struct own *own, struct rte_mbuf *m, uint8_t verdict, uint16_t arg) {
	if (own->n == HARNESS_OWN)
		rte_pktmbuf_free(m);
	else
		own->packets[own->n++] = (struct own_packet){m, verdict, arg};
}

// What the path has to send or to run again goes to the list of its own packets.
static void collect(uint16_t worker) {
	struct core *c = h.admin.cores[worker];
	struct extra *e = &c->extra;
	struct own *own = &h.own[worker];
	struct burst b;

	for (uint16_t i = 0; i < e->n_send; i++)
		keep(own, e->send[i], VERDICT_TX, e->send[i]->port);
	e->n_send = 0;
	while (e->n_again > 0) {
		struct rte_mbuf *mbufs[BURST];
		uint16_t n = RTE_MIN(e->n_again, (uint16_t)BURST);
		memcpy(mbufs, e->again, n * sizeof(*mbufs));
		e->n_again -= n;
		memmove(e->again, &e->again[n], e->n_again * sizeof(*e->again));
		path_run(c, &b, mbufs, n, FROM_HELD);
		for (uint16_t i = 0; i < n; i++)
			if (b.pkts[i].verdict != VERDICT_HELD)
				keep(own, mbufs[i], b.pkts[i].verdict, b.pkts[i].arg);
	}
}

static void fill_spare(uint16_t worker) {
	struct extra *e = &h.admin.cores[worker]->extra;
	uint16_t wanted = h.spare > e->n_spare ? h.spare - e->n_spare : 0;

	if (wanted > 0
	    && rte_pktmbuf_alloc_bulk(harness_pool(), &e->spare[e->n_spare], wanted) == 0)
		e->n_spare += wanted;
	while (e->n_spare > h.spare)
		rte_pktmbuf_free(e->spare[--e->n_spare]);
}

// What a part of a message has made waits for harness_take(), or until there is no room.
static void next_round(uint16_t worker) {
	if (h.admin.cores[worker]->extra.n_send > EXTRA_MAX / 2)
		collect(worker);
	fill_spare(worker);
}

void harness_spare(uint16_t buffers) {
	h.spare = RTE_MIN(buffers, (uint16_t)SPARE_MAX);
	for (uint16_t w = 0; w < h.admin.n_workers; w++)
		fill_spare(w);
}

int harness_take(uint16_t worker, struct harness_packet *out, uint32_t cap) {
	struct own *own;
	uint32_t n = 0;

	if (worker >= h.admin.n_workers)
		return -EINVAL;
	own = &h.own[worker];
	collect(worker);
	for (; n < cap && n < own->n; n++) {
		struct own_packet *p = &own->packets[n];
		memset(&out[n], 0, offsetof(struct harness_packet, data));
		out[n].port = p->m->port;
		out[n].verdict = p->verdict;
		out[n].arg = p->arg;
		out[n].note[0] = p->m->hash.fdir.lo;
		out[n].note[1] = p->m->hash.fdir.hi;
		harness_frame(&out[n], p->m);
		rte_pktmbuf_free(p->m);
	}
	own->n -= n;
	memmove(own->packets, &own->packets[n], own->n * sizeof(own->packets[0]));
	return (int)n;
}

static bool runnable(uint16_t worker, const struct harness_packet *packets, uint32_t n) {
	bool ok = worker < h.admin.n_workers && n > 0 && n <= HARNESS_BURST;

	for (uint32_t i = 0; ok && i < n; i++)
		ok = packets[i].len <= HARNESS_FRAME && packets[i].port < h.admin.n_ports
			&& packets[i].handed == packets[0].handed;
	return ok;
}

int harness_run(uint16_t worker, struct harness_packet *packets, uint32_t n) {
	struct rte_mbuf *mbufs[HARNESS_BURST] = {0};
	struct burst b;

	if (!runnable(worker, packets, n))
		return -EINVAL;
	for (uint32_t i = 0; i < n; i++) {
		mbufs[i] = harness_mbuf(&packets[i]);
		if (mbufs[i] == NULL) {
			rte_pktmbuf_free_bulk(mbufs, i);
			return -ENOMEM;
		}
	}
	fill_spare(worker);
	path_run(
		h.admin.cores[worker], &b, mbufs, (uint16_t)n,
		packets[0].handed ? FROM_WORKER : FROM_PORT
	);
	for (uint32_t i = 0; i < n; i++) {
		from_mbuf(&packets[i], &b.pkts[i]);
		if (b.pkts[i].verdict != VERDICT_HELD)
			rte_pktmbuf_free(mbufs[i]);
	}
	collect(worker);
	return 0;
}

// As in the rounds of a worker that nothing comes to.
static void expire(uint16_t worker) {
	struct core *c = h.admin.cores[worker];
	uint32_t budget = SPARE_MAX / 2;

	while (sweep(c))
		;
	do {
		fill_spare(worker);
		collect(worker);
	} while (session_expire(c, budget) == budget);
	fragment_expire(c, UINT32_MAX);
	collect(worker);
}

void harness_move_clock_ms(uint32_t ms) {
	for (uint16_t w = 0; w < h.admin.n_workers; w++)
		h.admin.cores[w]->now += (uint32_t)((uint64_t)ms * TICK_HZ / 1000);
}

void harness_advance_ms(uint32_t ms) {
	harness_move_clock_ms(ms);
	for (uint16_t w = 0; w < h.admin.n_workers; w++)
		expire(w);
}

int harness_commit(
	const struct slb_op *ops, uint32_t n, uint64_t *generation, struct slb_refused *refused
) {
	return admin_commit(&h.admin, ops, n, generation, refused);
}

int harness_forward_set(
	const struct slb_route *routes, uint32_t n_routes, const struct slb_neighbour *neighbours,
	uint32_t n_neighbours, const struct slb_own_address *own, uint32_t n_own,
	uint64_t *generation, struct slb_refused *refused
) {
	int rc = admin_forward_set(
		&h.admin, routes, n_routes, neighbours, n_neighbours, own, n_own, generation,
		refused
	);

	if (rc == 0)
		harness_own_set(own, n_own);
	return rc;
}

int harness_laddr_set(
	const struct slb_laddr *laddrs, uint32_t n, uint8_t only_prepare, uint64_t *generation,
	struct slb_refused *refused
) {
	return admin_laddr_set(&h.admin, laddrs, n, only_prepare != 0, generation, refused);
}

int harness_probe(const struct slb_address *laddr, uint32_t attempt) {
	return admin_probe(&h.admin, laddr, attempt);
}

int harness_probe_list(struct slb_probe_info *out, uint32_t cap) {
	return admin_probe_list(&h.admin, out, cap);
}

int harness_quiesce(void) {
	return admin_quiesce(&h.admin);
}

int harness_vs_list(struct slb_vs_info *out, uint32_t cap) {
	return admin_vs_list(&h.admin, out, cap);
}

int harness_rs_list(struct slb_rs_info *out, uint32_t cap) {
	return admin_rs_list(&h.admin, out, cap);
}

int harness_laddr_list(struct slb_laddr_info *out, uint32_t cap) {
	return admin_laddr_list(&h.admin, out, cap);
}

int harness_drop_list(uint64_t *out, uint32_t cap) {
	return admin_drop_list(&h.admin, out, cap);
}

int harness_worker_bytes(uint64_t *out, uint32_t cap) {
	return admin_worker_bytes(&h.admin, out, cap);
}

uint64_t harness_misdirected(uint16_t worker, uint16_t port) {
	return worker < h.admin.n_workers && port < SLB_MAX_PORTS
		? h.admin.cores[worker]->counters.misdirected[port]
		: 0;
}

uint64_t harness_untold(uint16_t worker) {
	return h.admin.cores[worker]->counters.untold;
}

int harness_session_list(
	const struct slb_session_filter *filter, uint64_t *cursor, struct slb_session_info *out,
	uint32_t cap
) {
	return admin_session_list(&h.admin, filter, cursor, out, cap);
}

int harness_poll_events(struct slb_event *out, uint32_t cap) {
	return admin_poll_events(&h.admin, out, cap);
}

int harness_workers_set(
	uint16_t n, uint8_t end, uint64_t *generation, struct slb_refused *refused
) {
	return admin_workers_set(&h.admin, n, end != 0, generation, refused);
}

uint64_t harness_recycled(uint16_t worker) {
	return h.admin.cores[worker]->counters.recycled;
}

uint32_t harness_mbufs_in_use(void) {
	uint32_t n = harness_pool() != NULL ? rte_mempool_in_use_count(harness_pool()) : 0;

	for (uint16_t w = 0; w < h.admin.n_workers; w++)
		n -= h.admin.cores[w]->extra.n_spare;
	return n;
}

void harness_stall(uint16_t worker, uint8_t stalled) {
	h.stalled[worker] = stalled;
}

void harness_stall_after(uint16_t worker, uint32_t parts) {
	h.answers[worker] = parts;
}

void harness_set_generation(uint16_t worker, uint64_t generation) {
	h.admin.cores[worker]->generation = generation;
}

uint64_t harness_generation(uint16_t worker) {
	return h.admin.cores[worker]->generation;
}

void harness_set_answer_timeout_ms(uint32_t ms) {
	h.admin.answer_timeout_ms = ms;
}

uint64_t harness_siphash(const uint8_t *key, const uint8_t *bytes, uint32_t len) {
	uint64_t half[2];
	struct siphash_key k;

	memcpy(half, key, sizeof(half));
	k = (struct siphash_key){rte_le_to_cpu_64(half[0]), rte_le_to_cpu_64(half[1])};
	return siphash(&k, bytes, len);
}

uint8_t harness_tcp_next(uint8_t state, uint8_t direction, uint8_t tcp_flags) {
	return tcp_state_next(state, direction, tcp_flags);
}

int harness_pci_explain(const char *folder, const char *device, char *text, uint32_t text_len) {
	char name[DEVICE_NAME_LEN];

	if (!device_name(device, name))
		return -EINVAL;
	pci_explain(folder, name, text, text_len);
	return 0;
}
