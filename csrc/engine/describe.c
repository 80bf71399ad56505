// SPDX-License-Identifier: BSD-3-Clause
// What workers and ports count. Read directly, not on the admin core, so that the heartbeat shows even while it waits.

#include "engine/engine.h"

#include "admin/traffic.h"

#include <net/if.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <stdio.h>
#include <string.h>

static uint64_t sum_drops(const struct core *c) {
	uint64_t sum = 0;

	for (int reason = 0; reason < SLB_DROP_COUNT; reason++)
		sum += counter_read(&c->counters.drops[reason]);
	return sum;
}

static uint8_t state_of(const struct engine *g, uint16_t id) {
	if (id < __atomic_load_n(&g->admin.spread.n_active, __ATOMIC_RELAXED))
		return SLB_WORKER_ACTIVE;
	return __atomic_load_n(&g->workers[id]->core->sessions.active, __ATOMIC_RELAXED) > 0
		? SLB_WORKER_DRAINING
		: SLB_WORKER_IDLE;
}

static uint16_t share_of(const struct engine *g, uint16_t id) {
	uint32_t n = 0;

	for (uint32_t place = 0; place < SPREAD_PLACES; place++)
		n += __atomic_load_n(&g->admin.spread.worker[place], __ATOMIC_RELAXED) == id;
	return (uint16_t)((n * 1000 + SPREAD_PLACES / 2) / SPREAD_PLACES);
}

static void describe_worker(const struct engine *g, uint16_t id, struct slb_worker_info *info) {
	const struct worker *w = g->workers[id];
	const struct worker_counters *n = &w->counters;
	const struct core *c = w->core;

	*info = (struct slb_worker_info){
		.worker = id,
		.cpu = g->config.worker_cpus[id],
		.lcore = (uint16_t)(LCORE_WORKER + id),
		.numa = (uint16_t)rte_lcore_to_socket_id(LCORE_WORKER + id),
		.idle = g->config.worker_idle[id],
		.state = state_of(g, id),
		.share = share_of(g, id),
		.generation = counter_read(&c->generation),
		.rounds = counter_read(&n->rounds),
		.busy_cycles = counter_read(&n->busy_cycles),
		.idle_cycles = counter_read(&n->idle_cycles),
		.rx_packets = counter_read(&n->rx_packets),
		.tx_packets = counter_read(&n->tx_packets),
		.handed_off = counter_read(&n->handed_off),
		.handed_in = counter_read(&n->handed_in),
		.punted = counter_read(&n->punted),
		.dropped = sum_drops(c),
		.sessions_created = counter_read(&c->counters.created),
		.sessions_ended = counter_read(&c->counters.ended),
		.sessions_active = __atomic_load_n(&c->sessions.active, __ATOMIC_RELAXED),
		.sessions_recycled = counter_read(&c->counters.recycled),
		.sessions_reset = counter_read(&c->counters.reset),
		.untold = counter_read(&c->counters.untold),
		.sessions_capacity = c->sessions.capacity,
		.session_bytes =
			session_bytes(&c->sessions) + core_acks_bytes(c) + sizeof(c->wheel),
	};
}

int workers_describe(const struct engine *g, struct slb_worker_info *out, uint32_t cap) {
	for (uint16_t id = 0; id < g->config.n_workers && id < cap; id++)
		describe_worker(g, id, &out[id]);
	return g->config.n_workers;
}

// The kernel's end of a tap may be moved into another network namespace, and works there; its driver, which asks for it
// by name in this one, then says that it is down.
static uint8_t link_state(const struct engine_port *port, const struct rte_eth_link *link) {
	char name[IF_NAMESIZE];

	if (link->link_status == RTE_ETH_LINK_UP)
		return SLB_LINK_UP;
	return port->if_index != 0 && if_indextoname(port->if_index, name) == NULL
		? SLB_LINK_UNKNOWN
		: SLB_LINK_DOWN;
}

static void add_device_stats(const struct engine_port *port, struct slb_port_info *info) {
	struct rte_eth_stats stats;
	struct rte_eth_link link;

	if (rte_eth_stats_get(port->dpdk_id, &stats) == 0) {
		info->rx_packets = stats.ipackets;
		info->rx_bytes = stats.ibytes;
		info->rx_missed = stats.imissed;
		info->rx_no_mbuf = stats.rx_nombuf;
		info->rx_errors = stats.ierrors;
		info->tx_packets = stats.opackets;
		info->tx_bytes = stats.obytes;
		info->tx_errors = stats.oerrors;
	}
	if (rte_eth_link_get_nowait(port->dpdk_id, &link) == 0) {
		info->link = link_state(port, &link);
		info->speed_mbps =
			link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed;
	}
}

static void add_rules(const struct flow_rules *f, struct slb_port_info *info) {
	if (f == NULL)
		return;
	info->rules += __atomic_load_n(&f->n, __ATOMIC_RELAXED);
	info->stuck_rules += __atomic_load_n(&f->n_stuck, __ATOMIC_RELAXED);
}

static void add_steering(const struct engine *g, uint16_t number, struct slb_port_info *info) {
	const struct steer_choice *steer = &g->ports[number].steer;

	info->steer = steer->method;
	info->spread = steer->spread;
	memcpy(info->steer_reason, steer->reason, sizeof(info->steer_reason));
	info->laddrs = __atomic_load_n(&g->admin.ports[number].n_laddrs, __ATOMIC_RELAXED);
	info->kni_queue = g->ports[number].kni.queue != KNI_NO_QUEUE;
	add_rules(g->ports[number].kni.rules, info);
	add_rules(steer->rules, info);
	if (steer->rules != NULL)
		info->ruled_laddrs = __atomic_load_n(&steer->rules->n_addresses, __ATOMIC_RELAXED);
	for (uint16_t id = 0; id < g->config.n_workers; id++)
		info->misdirected +=
			counter_read(&g->workers[id]->core->counters.misdirected[number]);
}

static void describe_port(const struct engine *g, uint16_t i, struct slb_port_info *info) {
	const struct slb_port_config *config = &g->config.ports[i];
	const struct engine_port *port = &g->ports[i];
	const struct kni_port *kni = &g->kni.ports[i];

	*info = (struct slb_port_info){
		.mtu = config->mtu,
		.kni_kind = kni->kind,
		.rx_queues = port->n_rx,
		.tx_queues = port->n_tx,
		.rx_checksum = port->rx_checksum,
		.tx_checksum = port->tx_checksum,
		.kni_to_kernel = counter_read(&kni->to_kernel),
		.kni_from_kernel = counter_read(&kni->from_kernel),
		.kni_dropped = counter_read(&kni->dropped),
	};
	memcpy(info->name, config->name, sizeof(info->name));
	memcpy(info->driver, port->driver, sizeof(info->driver));
	memcpy(info->kni_name, config->kni_name, sizeof(info->kni_name));
	memcpy(info->mac, port->mac, sizeof(info->mac));
	add_steering(g, i, info);
	add_device_stats(port, info);
}

static void describe_rule(
	const struct engine *g, uint16_t port, const struct flow_rules *f,
	const struct flow_rule *rule, struct slb_rule_info *info
) {
	*info = (struct slb_rule_info){
		.addr = rule->to,
		.port = port,
		.worker = rule->queue < g->config.n_workers ? rule->queue : SLB_RULE_KNI,
		.shape = rule->shape,
		.stuck = rule->stuck,
	};
	info->counted = flow_hits(f, rule, &info->hits);
}

int rules_describe(const struct engine *g, struct slb_rule_info *out, uint32_t cap) {
	uint32_t n = 0;

	for (uint16_t port = 0; port < g->config.n_ports; port++) {
		const struct flow_rules *both[] = {
			g->ports[port].kni.rules, g->ports[port].steer.rules
		};
		for (int k = 0; k < 2; k++)
			for (uint32_t i = 0; both[k] != NULL && i < both[k]->n; i++, n++)
				if (n < cap)
					describe_rule(
						g, port, both[k], &both[k]->rules[i], &out[n]
					);
	}
	return (int)n;
}

int ports_describe(const struct engine *g, struct slb_port_info *out, uint32_t cap) {
	for (uint16_t i = 0; i < g->config.n_ports && i < cap; i++)
		describe_port(g, i, &out[i]);
	return g->config.n_ports;
}
