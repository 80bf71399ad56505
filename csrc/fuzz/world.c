// SPDX-License-Identifier: BSD-3-Clause

#include "fuzz/world.h"

#include <arpa/inet.h>
#include <string.h>

#define V4(a, b, c, d) \
	{ \
		.family = 4, .bytes = {a, b, c, d} \
	}
#define V6(net, host) \
	{ \
		.family = 6, .bytes = {0x20, 0x01, 0x0d, 0xb8, 0, net, [15] = host} \
	}

// The first of each family is what mutations prefer.
static const struct world_address V4_ADDRESSES[] = {
	V4(203, 0, 113, 9), V4(10, 96, 0, 10),      V4(10, 96, 0, 11),   V4(10, 96, 0, 12),
	V4(10, 10, 0, 1),   V4(10, 10, 0, 2),       V4(198, 18, 0, 1),   V4(198, 18, 0, 2),
	V4(198, 18, 0, 3),  V4(198, 18, 0, 4),      V4(192, 0, 2, 2),    V4(192, 0, 2, 1),
	V4(192, 0, 2, 255), V4(198, 51, 100, 2),    V4(224, 0, 0, 5),    V4(127, 0, 0, 1),
	V4(0, 0, 0, 0),     V4(255, 255, 255, 255), V4(203, 0, 113, 10), V4(10, 10, 0, 3),
};

static const struct world_address V6_ADDRESSES[] = {
	V6(9, 9),
	V6(0x96, 10),
	V6(0x96, 11),
	V6(0x96, 12),
	V6(10, 1),
	V6(10, 2),
	V6(18, 1),
	V6(18, 2),
	V6(18, 3),
	V6(18, 4),
	V6(2, 2),
	V6(2, 1),
	V6(9, 10),
	V6(10, 3),
	{.family = 6, .bytes = {0xff, 0x02, [15] = 1}},
	{.family = 6, .bytes = {0xff, 0x02, [15] = 5}},
	{.family = 6, .bytes = {0xfe, 0x80, [15] = 1}},
	{.family = 6, .bytes = {[15] = 1}},
	{.family = 6, .bytes = {0}},
	{.family = 6, .bytes = {[10] = 0xff, [11] = 0xff, [12] = 10, 96, 0, 10}},
};

static const uint16_t PORTS[] = {80, 53, 443, 8080, 5353, 8443, 40000, 40001, 1024, 65535, 0};

// Where in the lists above VIPs, local addresses and own addresses are.
static const uint8_t OURS_V4[] = {1, 2, 3, 6, 7, 8, 9, 10, 13};
static const uint8_t OURS_V6[] = {1, 2, 3, 6, 7, 8, 9, 10};

enum {
	CLIENT = 0,
	VIP = 1,
	RS = 4,
	LOCAL = 6,
	OWN = 10,
	GATEWAY = 11,
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct slb_address address(const struct world_address *a) {
	struct slb_address out = {.family = a->family};

	memcpy(out.bytes, a->bytes, a->family == 4 ? 4 : 16);
	return out;
}

struct service {
	uint8_t vip; // from VIP on
	uint8_t family;
	uint8_t proto;
	uint8_t scheduler;
	uint16_t port;
	uint8_t servers; // bit set: WORLD_SERVERS it begins with
	uint8_t group; // struct fuzz_head's services
};

// RS by number: 4 of IPv4, then 4 of IPv6.
static const struct service SERVICES[WORLD_SERVICES] = {
	{0, 4, SLB_PROTO_TCP, SLB_SCHED_RR, 80, 0x03, 0},
	{0, 4, SLB_PROTO_UDP, SLB_SCHED_RR, 53, 0x04, 0},
	{1, 4, SLB_PROTO_TCP, SLB_SCHED_RR, 80, 0x00, 1},
	{2, 4, SLB_PROTO_TCP, SLB_SCHED_WRR, 443, 0x07, 1},
	{2, 4, SLB_PROTO_UDP, SLB_SCHED_SH, 443, 0x0f, 2},
	{0, 6, SLB_PROTO_TCP, SLB_SCHED_RR, 80, 0x30, 3},
	{0, 6, SLB_PROTO_UDP, SLB_SCHED_RR, 53, 0x40, 3},
	{1, 6, SLB_PROTO_TCP, SLB_SCHED_RR, 80, 0x00, 4},
	{2, 6, SLB_PROTO_TCP, SLB_SCHED_WRR, 443, 0x03, 4}, // NAT64
	{2, 6, SLB_PROTO_UDP, SLB_SCHED_SH, 443, 0x3c, 5}, // both
	{2, 4, SLB_PROTO_TCP, SLB_SCHED_RR, 8080, 0x10, 6}, // NAT46
	{2, 4, SLB_PROTO_UDP, SLB_SCHED_RR, 5353, 0x50, 6},
};

static const struct {
	uint8_t host;
	uint16_t port;
} SERVERS[4] = {{0, 8080}, {1, 8080}, {0, 5353}, {1, 8443}};

struct slb_endpoint world_service(uint8_t number) {
	const struct service *s = &SERVICES[number % WORLD_SERVICES];
	const struct world_address *a = s->family == 4 ? V4_ADDRESSES : V6_ADDRESSES;

	return (struct slb_endpoint){
		.addr = address(&a[VIP + s->vip]), .port_be = htons(s->port), .proto = s->proto
	};
}

struct slb_endpoint world_server(uint8_t number) {
	uint8_t n = number % WORLD_SERVERS;
	const struct world_address *a = n < 4 ? V4_ADDRESSES : V6_ADDRESSES;

	return (struct slb_endpoint){
		.addr = address(&a[RS + SERVERS[n % 4].host]), .port_be = htons(SERVERS[n % 4].port)
	};
}

int world_reset(uint8_t service, uint8_t server) {
	struct slb_reset reset = {.vs = world_service(service)};
	struct slb_refused refused;
	uint64_t cursor = 0;
	int rc = 0;

	if (server < 128)
		reset.rs = world_server(server);
	while (rc >= 0 && cursor != UINT64_MAX)
		rc = harness_session_reset(&reset, 1, &cursor, &refused);
	return rc;
}

static void set_port(struct slb_port_config *port, const struct fuzz_head *head, uint16_t i) {
	static const uint16_t MTUS[] = {1500, 1280, 576, 9000};

	port->name[0] = port->device[0] = (char)('a' + i);
	port->mtu = MTUS[head->sizes >> 2 * i & 3];
	port->rx_desc = port->tx_desc = 64;
	port->spread_hash = head->shape >> (3 + i) & 1;
	port->vlan = head->shape >> (5 + i) & 1 ? WORLD_VLAN : 0;
}

// In the proportions of the built-in ones.
static void set_timeouts(struct slb_config *config) {
	for (int state = 0; state < SLB_STATE_COUNT; state++)
		config->timeout_s[state] = 2;
	config->timeout_s[SLB_TCP_ESTABLISHED] = 8;
	config->timeout_s[SLB_UDP_REPLIED] = 4;
	config->timeout_s[SLB_TCP_CLOSE] = 1;
}

void world_timeouts(uint8_t number, uint32_t *timeout_s) {
	for (int state = 0; state < SLB_STATE_COUNT; state++)
		timeout_s[state] = state > 1 && number >> (state - 2) % 8 & 1
			? 1u + (number + 3u * (uint32_t)state) % 8
			: 0;
}

uint32_t world_longest_ms(const struct slb_config *config) {
	return config->timeout_s[SLB_TCP_ESTABLISHED] != 0 ? 10000 : 1000000;
}

static void set_tcp(const struct fuzz_head *head, struct slb_config *config) {
	static const uint16_t MSS[] = {SLB_MSS_OFF, SLB_MSS_AUTO, 536, 1200};

	config->tcp_no_session = head->tcp & 1 << 0 ? SLB_NO_SESSION_RESET : SLB_NO_SESSION_DROP;
	config->tcp_renumber = (head->tcp >> 1 & 1) == 0;
	config->tcp_expired = head->tcp >> 2 & 1 ? SLB_EXPIRED_RESET : SLB_EXPIRED_DROP;
	config->recycle = head->tcp >> 4 & 1;
	config->tcp_mss = MSS[head->tcp >> 5 & 3];
	config->drain_tcp_s = head->tcp >> 7 & 1;
}

static void set_laddrs(struct slb_config *config) {
	for (uint16_t w = 0; w < config->n_workers; w++)
		for (int v6 = 0; v6 < 2; v6++)
			config->laddrs[config->n_laddrs++] = (struct slb_laddr_config){
				.addr =
					address(v6 ? &V6_ADDRESSES[LOCAL + w]
						   : &V4_ADDRESSES[LOCAL + w]),
				.worker = w,
				.port = w % config->n_ports,
			};
}

// Room for two rules, so that the first local address of either family has one; the others are all workers'.
static void set_nic(uint16_t port, const struct slb_config *config, bool has) {
	static const uint8_t KEY[] = "a key that does for any table, 40 bytes.";
	struct harness_nic nic = {
		.driver = "net_fuzz",
		.rss_types = UINT64_MAX,
		.key_len = sizeof(KEY) - 1,
		.table_len = 64,
		.queues = config->n_workers,
		.rules_max = 2,
		.faults = HARNESS_NIC_KEY_FIXED | HARNESS_NIC_TABLE_FIXED,
	};

	memcpy(nic.key, KEY, sizeof(KEY) - 1);
	for (uint16_t i = 0; i < nic.table_len; i++)
		nic.table[i] = (uint8_t)(i % config->n_workers);
	harness_set_nic(port, has ? &nic : NULL);
}

void world_config(const struct fuzz_head *head, struct slb_config *config) {
	uint32_t pps = head->sizes & 1 << 5 ? 32 : 100000;

	memset(config, 0, offsetof(struct slb_config, laddrs));
	config->abi_version = SLB_ABI_VERSION;
	config->n_workers = 1 + (head->shape & 3);
	config->n_ports = 1 + (head->shape >> 2 & 1);
	config->sessions = head->sizes & 1 << 4 ? 64 : 256;
	config->sessions6 = config->sessions / 2;
	config->mbufs = 1024;
	config->frag_datagrams = head->tcp >> 3 & 1 ? 4 : 64;
	config->frag_held = config->frag_datagrams;
	config->vs_max = WORLD_SERVICES + 2;
	config->rs_max = 48;
	config->punt_ospf_pps = config->punt_arp_pps = config->punt_other_pps = pps;
	if (head->sizes >> 6 != 3)
		set_timeouts(config);
	for (uint16_t i = 0; i < config->n_ports; i++) {
		set_port(&config->ports[i], head, i);
		set_nic(i, config, head->shape >> 7 & 1);
	}
	set_tcp(head, config);
	set_laddrs(config);
}

static uint8_t client_address(const struct fuzz_head *head, uint8_t service) {
	uint8_t how = head->view >> 6;

	if (SERVICES[service].proto != SLB_PROTO_TCP)
		return SLB_CLIENT_ADDRESS_NONE;
	return how < SLB_CLIENT_ADDRESS_COUNT ? how : 1 + service / 2 % 2;
}

void world_services(const struct fuzz_head *head) {
	struct slb_op ops[1 + WORLD_SERVERS];
	struct slb_refused refused;
	uint64_t generation;

	for (uint8_t i = 0; i < WORLD_SERVICES; i++) {
		const struct service *s = &SERVICES[i];
		uint32_t n = 0;
		if (head->services >> s->group & 1)
			continue;
		ops[n++] = (struct slb_op){
			.kind = SLB_OP_VS_ADD,
			.scheduler = s->scheduler,
			.client_address = client_address(head, i),
			.syn_proxy = s->proto == SLB_PROTO_TCP && head->services >> 7
				&& client_address(head, i) == SLB_CLIENT_ADDRESS_NONE,
			.vs = world_service(i),
		};
		if (head->timeouts != 0)
			world_timeouts(head->timeouts + i, ops[0].timeout_s);
		for (uint8_t rs = 0; rs < WORLD_SERVERS; rs++)
			if (s->servers >> rs & 1)
				ops[n++] = (struct slb_op){
					.kind = SLB_OP_RS_ADD,
					.weight = 1 + rs,
					.vs = ops[0].vs,
					.rs = world_server(rs),
				};
		harness_commit(ops, n, &generation, &refused);
	}
}

struct view {
	struct slb_route routes[6];
	struct slb_neighbour neighbours[4];
	struct slb_own_address own[4];
	uint32_t n_routes, n_neighbours, n_own;
};

static void add_route(
	struct view *v, const struct world_address *prefix, uint8_t len,
	const struct world_address *gateway, uint16_t port
) {
	struct slb_route *r = &v->routes[v->n_routes++];

	*r = (struct slb_route){.prefix = address(prefix), .len = len, .port = port};
	if (gateway != NULL)
		r->gateway = address(gateway);
}

static void add_neighbour(struct view *v, const struct world_address *a, uint16_t port) {
	v->neighbours[v->n_neighbours++] = (struct slb_neighbour){
		.addr = address(a), .mac = {0xaa, 0xaa, 0xaa, 0, 0, (uint8_t)port}, .port = port
	};
}

static void add_own(struct view *v, const struct world_address *a) {
	v->own[v->n_own++].addr = address(a);
}

// Everything by the gateway on port 0; the RS on port 1 if `two`.
static void usual_view(struct view *v, const struct world_address *a, bool two) {
	static const struct world_address ANY_V4 = {.family = 4}, ANY_V6 = {.family = 6};
	const struct world_address *any = a->family == 4 ? &ANY_V4 : &ANY_V6;
	uint8_t on_link = a->family == 4 ? 24 : 64;

	add_route(v, &a[GATEWAY], on_link, NULL, 0);
	add_route(v, any, 0, &a[GATEWAY], 0);
	add_neighbour(v, &a[GATEWAY], 0);
	add_own(v, &a[OWN]);
	if (!two)
		return;
	add_route(v, &a[RS], on_link, NULL, 1);
	add_neighbour(v, &a[RS], 1);
}

static bool set(const struct view *v) {
	struct slb_refused refused;
	uint64_t generation;

	return harness_forward_set(
		       v->routes, v->n_routes, v->neighbours, v->n_neighbours, v->own, v->n_own,
		       &generation, &refused
	       ) == 0;
}

static void fill_view(
	struct view *v, uint8_t number, const struct world_address *a, uint16_t ports
) {
	switch (number % WORLD_VIEWS) {
	case 0:
		usual_view(v, a, ports > 1);
		break;
	case 1:
		usual_view(v, a, false);
		break;
	case 2: // nobody's MAC is known
		usual_view(v, a, ports > 1);
		v->n_neighbours = 0;
		break;
	case 3: // half of the world
		add_route(v, &a[CLIENT], 24, NULL, 0);
		add_neighbour(v, &a[CLIENT], 0);
		break;
	case 4: // a local address and a client become the host's own
		usual_view(v, a, false);
		add_own(v, &a[CLIENT]);
		break;
	default:
		break;
	}
}

// With both families where the build knows both.
void world_view(uint8_t number, uint16_t ports) {
	struct view v = {0};

	fill_view(&v, number, V4_ADDRESSES, ports);
	fill_view(&v, number, V6_ADDRESSES, ports);
	if (set(&v))
		return;
	v = (struct view){0};
	fill_view(&v, number, V4_ADDRESSES, ports);
	set(&v);
}

uint32_t world_addresses(uint8_t family, const struct world_address **addresses) {
	*addresses = family == 4 ? V4_ADDRESSES : V6_ADDRESSES;
	return family == 4 ? COUNT(V4_ADDRESSES) : COUNT(V6_ADDRESSES);
}

uint32_t world_ports(const uint16_t **ports) {
	*ports = PORTS;
	return COUNT(PORTS);
}

struct world_address world_router(uint8_t family) {
	return family == 4 ? V4_ADDRESSES[GATEWAY] : V6_ADDRESSES[GATEWAY];
}

bool world_is_ours(const uint8_t *address, uint8_t family) {
	uint32_t n = family == 4 ? COUNT(OURS_V4) : COUNT(OURS_V6);

	for (uint32_t i = 0; i < n; i++) {
		if (family == 4 && memcmp(V4_ADDRESSES[OURS_V4[i]].bytes, address, 4) == 0)
			return true;
		if (family == 6 && memcmp(V6_ADDRESSES[OURS_V6[i]].bytes, address, 16) == 0)
			return true;
	}
	return false;
}
