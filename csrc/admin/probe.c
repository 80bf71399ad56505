// SPDX-License-Identifier: BSD-3-Clause
// Probes of the steering (path/probe.h): who they are from, which way they go, which worker sends them, and what came of them.

#include "admin/laddrs.h"
#include "admin/publish.h"
#include "admin/traffic.h"
#include "path/owner.h"

#include <errno.h>
#include <rte_malloc.h>
#include <rte_random.h>
#include <string.h>

enum {
	EACH = 8, // of a protocol to a worker: a device that does not do as it is told can hardly be right with all
	GATEWAYS = 16, // next hops that attempts take turns with
	SPORT_FIRST = 32768,
	SPORTS = 65536 - SPORT_FIRST,
	TRIES = 65536, // at ports that RSS leads to a worker, whose share is at least one place of 512
};

static const struct slb_neighbour *neighbour_of(const struct admin *a, const struct slb_route *r) {
	struct ipaddr gateway = ipaddr_from_address(&r->gateway);

	for (uint32_t i = 0; i < a->n_neighbours; i++)
		if (a->neighbours[i].port == r->port
		    && ipaddr_equal(ipaddr_from_address(&a->neighbours[i].addr), gateway))
			return &a->neighbours[i];
	return NULL;
}

static bool known(const uint8_t (*macs)[6], uint32_t n, const uint8_t *mac) {
	for (uint32_t i = 0; i < n; i++)
		if (memcmp(macs[i], mac, sizeof(macs[i])) == 0)
			return true;
	return false;
}

// `way`: all but what differs between the probes of an attempt.

// A router of the port, of those whose MAC is known; false: there is none.
static bool find_next_hop(
	const struct admin *a, struct probe *way, uint8_t family, uint32_t attempt
) {
	uint8_t macs[GATEWAYS][6];
	uint32_t n = 0;

	for (uint32_t i = 0; i < a->n_routes && n < GATEWAYS; i++) {
		const struct slb_route *r = &a->routes[i];
		const struct slb_neighbour *hop = NULL;
		if (r->port == way->port && r->prefix.family == family && r->gateway.family != 0)
			hop = neighbour_of(a, r);
		if (hop != NULL && !known(macs, n, hop->mac))
			memcpy(macs[n++], hop->mac, sizeof(hop->mac));
	}
	if (n > 0)
		memcpy(way->dst_mac, macs[attempt % n], sizeof(way->dst_mac));
	return n > 0;
}

// An address of the port's own that a router may send on.
static bool find_source(const struct admin *a, struct probe *way, uint8_t family) {
	for (uint32_t i = 0; i < a->n_own; i++) {
		struct ipaddr addr = ipaddr_from_address(&a->own[i].addr);
		if (a->own[i].port != way->port || a->own[i].addr.family != family
		    || !ipaddr_is_routable(addr))
			continue;
		way->src = addr;
		return true;
	}
	return false;
}

// Ports that lead to the worker. Without RSS any do; the first that are drawn are right.
static bool draw_ports(const struct admin *a, struct probe *probe, uint16_t worker) {
	uint8_t kind = probe->proto | (ipaddr_is_v4(probe->dst) ? 0 : KIND_V6);
	struct flow_key key = {0};
	uint8_t addrs6[2 * IP6_BYTES];

	if (kind & KIND_V6) {
		ipaddr_v6_bytes(probe->src, addrs6);
		ipaddr_v6_bytes(probe->dst, addrs6 + IP6_BYTES);
	} else {
		key.src_be = ipaddr_v4_be(probe->src);
		key.dst_be = ipaddr_v4_be(probe->dst);
	}
	for (uint32_t i = 0; i < TRIES; i++) {
		uint64_t random = rte_rand();
		key.sport_be = rte_cpu_to_be_16((uint16_t)(SPORT_FIRST + random % SPORTS));
		key.dport_be = rte_cpu_to_be_16((uint16_t)(PROBE_DPORT_FIRST
							   + (random >> 32) % PROBE_DPORTS));
		if (owner_of_flow(a->cores[0]->owners, &key, addrs6, kind) != worker)
			continue;
		probe->sport_be = key.sport_be;
		probe->dport_be = key.dport_be;
		return true;
	}
	return false;
}

// By another worker than the one that is to see them, since there are devices that bring a flow to the queue that has sent it, and
// these would seem to do as they are told.
static int send_to(struct admin *a, const struct probe *way, uint16_t worker) {
	static const uint8_t PROTOS[] = {
		[SLB_PROBE_TCP] = SLB_PROTO_TCP, [SLB_PROBE_UDP] = SLB_PROTO_UDP
	};
	const uint32_t n = SLB_PROBE_COUNT * EACH;
	uint16_t sender = (worker + 1) % a->n_workers;
	struct inbox_msg *msg = rte_zmalloc_socket(
		"probes", sizeof(*msg) + n * sizeof(struct probe), 0, a->socket[sender]
	);

	if (msg == NULL)
		return 0;
	msg->kind = INBOX_PROBES;
	msg->probes.list = (struct probe *)(msg + 1);
	for (; msg->probes.n < n; msg->probes.n++) {
		struct probe *probe = &msg->probes.list[msg->probes.n];
		*probe = *way;
		probe->proto = PROTOS[msg->probes.n / EACH];
		if (draw_ports(a, probe, worker))
			continue;
		rte_free(msg);
		return 0;
	}
	return publish_post(a, sender, msg) == 0 ? (int)n : 0;
}

int admin_probe(struct admin *a, const struct slb_address *laddr, uint32_t attempt) {
	uint16_t slot = laddr_slot(a, ipaddr_from_address(laddr));
	const struct admin_laddr *l = &a->laddrs[slot];
	struct probe way;
	int n = 0;

	// One that has been taken away in the meantime is no error.
	if (slot == SLB_MAX_LADDRS || !laddr_is_probed(l))
		return 0;
	way = (struct probe){.dst = l->addr, .port = l->port};
	memcpy(way.src_mac, a->ports[l->port].mac, sizeof(way.src_mac));
	if (!find_next_hop(a, &way, laddr->family, attempt) || !find_source(a, &way, laddr->family))
		return 0;
	for (uint16_t w = 0; w < a->n_workers; w++)
		if (laddr_is_of(l, w))
			n += send_to(a, &way, w);
	return n;
}

// ---- what came of them ----

static uint8_t method_of(const struct admin *a, const struct admin_laddr *l) {
	struct slb_address addr = ipaddr_to_address(l->addr);

	if (a->n_workers == 1)
		return SLB_STEER_SINGLE;
	if (l->rss != NULL)
		return SLB_STEER_RSS_PORT;
	if (a->steering.has_rules != NULL && a->steering.has_rules(a->steering.arg, &addr, l->port))
		return SLB_STEER_FLOW;
	return SLB_STEER_SOFT;
}

// False: the worker neither is to see probes nor has seen any.
static bool describe(
	const struct admin *a, uint16_t slot, uint16_t worker, struct slb_probe_info *info
) {
	const struct laddr_use *use = &a->cores[worker]->laddr_use[slot];
	uint64_t others = 0;

	info->worker = worker;
	info->expected = laddr_is_of(&a->laddrs[slot], worker);
	for (int i = 0; i < SLB_PROBE_COUNT; i++) {
		info->right[i] = counter_read(&use->probes[i][PROBE_RIGHT]);
		info->elsewhere[i] = counter_read(&use->probes[i][PROBE_ELSEWHERE]);
		info->handed[i] = counter_read(&use->probes[i][PROBE_HANDED]);
		others += info->elsewhere[i];
	}
	return info->expected || others > 0;
}

int admin_probe_list(struct admin *a, struct slb_probe_info *out, uint32_t cap) {
	uint32_t n = 0;

	for (uint16_t slot = 0; slot < SLB_MAX_LADDRS; slot++) {
		const struct admin_laddr *l = &a->laddrs[slot];
		struct slb_probe_info info;
		if (!laddr_is_probed(l))
			continue;
		info = (struct slb_probe_info){
			.addr = ipaddr_to_address(l->addr),
			.port = l->port,
			.method = method_of(a, l),
		};
		for (uint16_t w = 0; w < a->n_workers; w++) {
			if (!describe(a, slot, w, &info))
				continue;
			if (n < cap)
				out[n] = info;
			n++;
		}
	}
	return (int)n;
}
