// SPDX-License-Identifier: BSD-3-Clause
// Workers and their cores: all memory a worker will ever use, on its NUMA node, before it starts.

#include "engine/engine.h"

#include "base/clock.h"
#include "base/lazy.h"
#include "path/fragment.h"
#include "path/freed_port.h"
#include "path/punt.h"
#include "path/icmp_make.h"
#include "path/tcp_reset.h"
#include "steer/soft.h"

#include <errno.h>
#include <rte_cycles.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_random.h>
#include <rte_ring.h>
#include <stdio.h>
#include <string.h>

enum { INBOX_SIZE = 64 };

// Seconds, by state; slb_config.timeout_s overrides.
static const uint32_t TIMEOUT_S[SLB_STATE_COUNT] = {
	[SLB_TCP_NONE] = 5,          [SLB_TCP_SYN_SENT] = 30,  [SLB_TCP_SYN_RECV] = 30,
	[SLB_TCP_ESTABLISHED] = 900, [SLB_TCP_FIN_WAIT] = 30,  [SLB_TCP_CLOSE_WAIT] = 30,
	[SLB_TCP_LAST_ACK] = 30,     [SLB_TCP_TIME_WAIT] = 10, [SLB_TCP_CLOSE] = 5,
	[SLB_UDP_ONEWAY] = 30,       [SLB_UDP_REPLIED] = 60,
};

static bool init_sessions(struct core *c, const struct slb_config *config, int socket) {
	uint32_t narrow = config->sessions, wide = config->sessions6;
	struct session *entries = rte_malloc_socket(
		"sessions", (size_t)session_lines(narrow, wide) * sizeof(*entries), 64, socket
	);
	struct session_group *groups = rte_zmalloc_socket(
		"groups", (size_t)session_groups(narrow + wide) * sizeof(*groups), 64, socket
	);

	if (entries != NULL && groups != NULL)
		session_table_init(
			&c->sessions, entries, groups, narrow, wide,
			(struct hash_seed){rte_rand(), rte_rand()}
		);
	else {
		rte_free(entries);
		rte_free(groups);
	}
	return c->sessions.entries != NULL;
}

static uint64_t streams_bytes(const struct core *c) {
	return (uint64_t)c->sessions.lines * sizeof(*c->streams);
}

static bool init_acks(struct core *c, const struct slb_config *config, int socket) {
	if (config->tcp_expired != SLB_EXPIRED_RESET)
		return true;
	c->acks =
		rte_malloc_socket("acks", (size_t)c->sessions.lines * sizeof(*c->acks), 64, socket);
	return c->acks != NULL;
}

static bool init_streams(struct core *c) {
	c->streams = lazy_new(streams_bytes(c));
	return c->streams != NULL;
}

static bool init_fragments(struct core *c, const struct slb_config *config, int socket) {
	uint64_t bytes = frag_table_bytes(config->frag_datagrams, config->frag_held);
	void *memory = rte_malloc_socket("fragments", bytes, 64, socket);

	if (memory != NULL)
		frag_table_init(
			&c->frags, memory, config->frag_datagrams, config->frag_held,
			(struct hash_seed){rte_rand(), rte_rand()}
		);
	return memory != NULL;
}

static void init_meters(struct core *c, const struct slb_config *config) {
	const uint32_t pps[PUNT_COUNT] = {
		[PUNT_OSPF] = config->punt_ospf_pps,
		[PUNT_ARP] = config->punt_arp_pps,
		[PUNT_OTHER] = config->punt_other_pps,
	};

	memcpy(c->punt_pps, pps, sizeof(pps));
	punt_meter_init(&c->resets, RESET_PPS, c->now);
	punt_meter_init(&c->errors, ERROR_PPS, c->now);
}

static void init_timeouts(struct core *c, const struct slb_config *config) {
	for (int state = 0; state < SLB_STATE_COUNT; state++) {
		uint32_t seconds = config->timeout_s[state];
		c->policies[0].timeout[state] =
			clock_ticks_from_s(seconds != 0 ? seconds : TIMEOUT_S[state]);
	}
}

static void extra_free(struct extra *e) {
	rte_pktmbuf_free_bulk(e->spare, e->n_spare);
	rte_pktmbuf_free_bulk(e->send, e->n_send);
	rte_pktmbuf_free_bulk(e->again, e->n_again);
}

void core_free(struct core *c) {
	if (c == NULL)
		return;
	extra_free(&c->extra);
	fragment_close(c);
	rte_free(c->frags.ring);
	rte_free(c->sessions.entries);
	rte_free(c->sessions.groups);
	rte_free(c->acks);
	lazy_free(c->streams, streams_bytes(c));
	rte_free(c->laddr_use);
	rte_free(c->rs);
	rte_free(c->answers);
	rte_free(c->vs_refused);
	rte_free(c->walks);
	rte_free(c->aheads);
	rte_free(c->freed);
	rte_free(c->vs);
	rte_free(c);
}

struct core *core_new(
	const struct slb_config *config, uint16_t id, struct siphash_key cookie_key, int socket
) {
	struct core *c = rte_zmalloc_socket("core", sizeof(*c), 64, socket);

	if (c == NULL)
		return NULL;
	c->id = id;
	c->n_workers = config->n_workers;
	c->salt = (uint32_t)rte_rand();
	c->cookie_key = cookie_key;
	c->probe_nonce = siphash(&cookie_key, "probe", sizeof("probe"));
	c->least_mtu = UINT16_MAX;
	c->rs = rte_zmalloc_socket("rs", config->rs_max * sizeof(*c->rs), 64, socket);
	c->answers =
		rte_zmalloc_socket("answers", config->rs_max * sizeof(*c->answers), 64, socket);
	c->walks = rte_zmalloc_socket(
		"walks", laddr_walks(config->rs_max) * sizeof(*c->walks), 64, socket
	);
	c->aheads = rte_zmalloc_socket("aheads", config->rs_max * sizeof(*c->aheads), 64, socket);
	c->freed = rte_zmalloc_socket("freed", FREED_RINGS * sizeof(*c->freed), 64, socket);
	c->vs = rte_zmalloc_socket("vs_slots", config->vs_max * sizeof(struct vs *), 64, socket);
	c->vs_refused = rte_zmalloc_socket(
		"vs_refused", config->vs_max * sizeof(*c->vs_refused), 64, socket
	);
	c->laddr_use =
		rte_zmalloc_socket("laddr_use", SLB_MAX_LADDRS * sizeof(*c->laddr_use), 64, socket);
	if (c->rs == NULL || c->answers == NULL || c->walks == NULL || c->aheads == NULL
	    || c->freed == NULL || c->vs == NULL || c->vs_refused == NULL || c->laddr_use == NULL
	    || !init_sessions(c, config, socket) || !init_acks(c, config, socket)
	    || !init_streams(c) || !init_fragments(c, config, socket)) {
		core_free(c);
		return NULL;
	}
	for (uint16_t port = 0; port < config->n_ports; port++) {
		c->vlan_be[port] = rte_cpu_to_be_16(config->ports[port].vlan);
		c->tagged |= config->ports[port].vlan != 0;
		c->least_mtu = RTE_MIN(c->least_mtu, config->ports[port].mtu);
	}
	c->drain_tcp = clock_ticks_from_s(config->drain_tcp_s);
	c->recycle = config->recycle;
	c->renumber = config->tcp_renumber;
	c->number_seed = (struct hash_seed){rte_rand(), rte_rand()};
	c->tcp_mss = config->tcp_mss;
	c->reset_no_session = config->tcp_no_session == SLB_NO_SESSION_RESET;
	init_timeouts(c, config);
	init_meters(c, config);
	wheel_init(&c->wheel, &c->sessions, c->now);
	return c;
}

static struct rte_ring *ring(const char *kind, uint16_t from, uint16_t to) {
	return soft_ring_create(kind, from, to, SOCKET_ID_ANY);
}

static struct worker *worker_new(struct engine *g, uint16_t id) {
	int socket = (int)rte_lcore_to_socket_id(LCORE_WORKER + id);
	struct worker *w = rte_zmalloc_socket("worker", sizeof(*w), 64, socket);
	char name[RTE_RING_NAMESIZE];

	if (w == NULL)
		return NULL;
	g->workers[id] = w;
	snprintf(name, sizeof(name), "inbox_%u", id);
	w->inbox.ring = rte_ring_create(name, INBOX_SIZE, socket, RING_F_SP_ENQ | RING_F_SC_DEQ);
	w->punt_ring = ring("punt", id, 0);
	w->pool = pool_of(g, socket);
	w->core = core_new(&g->config, id, g->cookie_key, socket);
	if (w->core == NULL || w->inbox.ring == NULL || w->punt_ring == NULL || w->pool == NULL)
		return NULL;
	w->n_ports = g->config.n_ports;
	w->n_sources = g->config.n_workers + 1;
	w->tsc_hz = rte_get_tsc_hz();
	w->tick_base = rte_rdtsc();
	w->stop = &g->stop;
	w->idle.policy = g->config.worker_idle[id];
	g->kni.punted[id] = w->punt_ring;
	g->admin.cores[id] = w->core;
	g->admin.inbox[id] = w->inbox.ring;
	g->admin.socket[id] = socket;
	return w;
}

static void give_queues(struct engine *g, struct worker *w) {
	for (uint16_t i = 0; i < g->config.n_ports; i++) {
		const struct engine_port *port = &g->ports[i];
		uint16_t id = w->core->id;
		w->core->spread_hash[i] = port->steer.spread == SLB_SPREAD_HASH;
		w->core->hands_on[i] = steer_hands_on(&port->steer);
		w->core->reached_idle |= w->core->hands_on[i];
		w->core->udp_offload[i] = port->tx_checksum;
		w->ports[i].dpdk_id = port->dpdk_id;
		w->ports[i].rx_queue = id < port->n_rx ? id : NO_QUEUE;
		w->ports[i].tx_queue = id < port->n_tx ? id : NO_QUEUE;
		w->ports[i].tx_via = id % port->n_tx;
		w->ports[i].lacp = port->bond.lacp;
		w->ports[i].standby = port->bond.standby;
		w->ports[i].has_kni = g->config.ports[i].kni_kind != SLB_KNI_NONE;
	}
}

static bool connect_workers(struct engine *g) {
	uint16_t n = g->config.n_workers;

	for (uint16_t from = 0; from < n; from++)
		for (uint16_t to = 0; to < n; to++) {
			struct rte_ring *r = from == to ? NULL : ring("handoff", from, to);
			if (r == NULL && from != to)
				return false;
			g->workers[from]->to[to] = r;
			g->workers[to]->from[from] = r;
		}
	g->kni.to_worker = ring("kni", 0, 0);
	g->workers[0]->from[n] = g->kni.to_worker;
	return g->kni.to_worker != NULL;
}

static const struct rss_port *add_laddr(
	void *arg, const struct slb_address *addr, uint16_t port, uint16_t worker
) {
	struct engine *g = arg;

	return steer_add(&g->ports[port].steer, addr, worker);
}

static void remove_laddr(void *arg, const struct slb_address *addr, uint16_t port) {
	struct engine *g = arg;

	steer_remove(&g->ports[port].steer, addr);
}

static bool has_rules(void *arg, const struct slb_address *addr, uint16_t port) {
	const struct engine *g = arg;

	return steer_has_rules(&g->ports[port].steer, addr);
}

int cores_open(struct engine *g, struct err *e) {
	const struct rss_port *rss[SLB_MAX_LADDRS];
	bool ok = true;

	g->admin.n_workers = g->config.n_workers;
	g->admin.n_ports = g->config.n_ports;
	g->kni.n_workers = g->config.n_workers;
	g->kni.idle.policy = g->config.kni_idle;
	g->kni.stop = &g->stop;
	kni_init(&g->kni, &g->config);
	g->cookie_key = siphash_key_draw();
	for (uint16_t i = 0; i < g->config.n_laddrs; i++)
		rss[i] = steer_rss(
			&g->ports[g->config.laddrs[i].port].steer, &g->config.laddrs[i].addr
		);
	g->admin.steering = (struct laddr_steering){add_laddr, remove_laddr, has_rules, g};
	g->admin.shares = ports_shares(g);
	for (uint16_t id = 0; ok && id < g->config.n_workers; id++) {
		ok = worker_new(g, id) != NULL;
		if (ok)
			give_queues(g, g->workers[id]);
	}
	for (uint16_t i = 0; i < g->config.n_ports; i++) {
		g->admin.ports[i].mtu = g->config.ports[i].mtu;
		memcpy(g->admin.ports[i].mac, g->ports[i].mac, sizeof(g->admin.ports[i].mac));
	}
	if (ok && connect_workers(g) && admin_init(&g->admin, &g->config, rss) == 0)
		return 0;
	return err_set(
		e, ENOMEM,
		"no memory for %u workers of %u sessions: %u MB are needed; raise "
		"engine.memory_mb or lower engine.sessions",
		g->config.n_workers, g->config.sessions, memory_needed_mb(&g->config)
	);
}

void cores_close(struct engine *g) {
	admin_free(&g->admin);
	for (uint16_t from = 0; from < g->config.n_workers; from++) {
		struct worker *w = g->workers[from];
		if (w == NULL)
			continue;
		for (uint16_t to = 0; to < g->config.n_workers; to++)
			rte_ring_free(w->to[to]);
		rte_ring_free(w->inbox.ring);
		rte_ring_free(w->punt_ring);
		core_free(w->core);
		rte_free(w);
		g->workers[from] = NULL;
	}
	rte_ring_free(g->kni.to_worker);
	g->kni.to_worker = NULL;
}
