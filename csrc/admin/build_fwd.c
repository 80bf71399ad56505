// SPDX-License-Identifier: BSD-3-Clause
// Flattens routes and neighbours into the forwarding view. Prefixes nest, so one pass over them in order of their first
// address, with a stack of those that are open, yields the disjoint ranges of the longest match. IPv4 prefixes lie in the
// IPv4-mapped /96, from which a span without a way keeps shorter IPv6 prefixes out. A neighbour is a host route inside
// a connected route of its own port; elsewhere it is not a way to send packets.

#include "admin/build.h"

#include <rte_malloc.h>
#include <stdlib.h>
#include <string.h>

enum {
	V4_LEN = 96, // of the prefix that all IPv4 addresses have
	NEIGHBOUR_LEN = 129, // so that it follows a host route
	MAX_DEPTH =
		132, // 129 prefix lengths, the IPv4 addresses, a neighbour, "no route" below them all
};

struct span {
	struct ipaddr first;
	struct ipaddr last;
	uint16_t hop;
	uint16_t port;
	uint8_t len;
	bool connected;
};

struct builder {
	const struct admin *admin;
	struct fwd *fwd;
	struct slb_neighbour *neighbours; // sorted by address and port
	struct span *spans;
	uint32_t n_spans;
};

static const struct ipaddr ALL_ONES = {UINT64_MAX, UINT64_MAX};
static const struct ipaddr UNSET = {0};

static int by_address(const void *left, const void *right) {
	const struct slb_neighbour *a = left, *b = right;
	int order = ipaddr_order(ipaddr_from_address(&a->addr), ipaddr_from_address(&b->addr));

	return order != 0 ? order : a->port - b->port;
}

static int by_first(const void *left, const void *right) {
	const struct span *a = left, *b = right;

	int order = ipaddr_order(a->first, b->first);

	return order != 0 ? order : a->len - b->len;
}

static int by_value(const void *left, const void *right) {
	return ipaddr_order(*(const struct ipaddr *)left, *(const struct ipaddr *)right);
}

static uint16_t add_hop(struct builder *b, uint16_t port, struct ipaddr addr, const uint8_t *mac) {
	const struct admin_port *out = &b->admin->ports[port];
	struct hop *hop = &b->fwd->hops[b->fwd->n_hops];

	*hop = (struct hop){.port = port, .mtu = out->mtu, .addr = addr};
	memcpy(hop->src_mac, out->mac, sizeof(hop->src_mac));
	hop->state = mac != NULL ? HOP_READY : HOP_UNRESOLVED;
	if (mac != NULL)
		memcpy(hop->dst_mac, mac, sizeof(hop->dst_mac));
	return (uint16_t)b->fwd->n_hops++;
}

// The hop to a gateway, or the one that stands for a port's unknown neighbours, whose address is unset.
static uint16_t route_hop(struct builder *b, const struct slb_route *route) {
	struct slb_neighbour want = {.addr = route->gateway, .port = route->port};
	const struct slb_neighbour *found = NULL;
	bool connected = route->gateway.family == 0;
	struct ipaddr addr = connected ? UNSET : ipaddr_from_address(&route->gateway);

	for (uint32_t i = HOP_NONE + 1; i < b->fwd->n_hops; i++)
		if (ipaddr_equal(b->fwd->hops[i].addr, addr) && b->fwd->hops[i].port == route->port)
			return (uint16_t)i;
	if (!connected)
		found =
			bsearch(&want, b->neighbours, b->admin->n_neighbours, sizeof(want),
				by_address);
	return add_hop(b, route->port, addr, found != NULL ? found->mac : NULL);
}

// The bits of an address behind a prefix of `len` bits.
static struct ipaddr host_bits(uint8_t len) {
	return (struct ipaddr){
		.hi = len == 0     ? UINT64_MAX
			: len < 64 ? UINT64_MAX >> len
				   : 0,
		.lo = len <= 64     ? UINT64_MAX
			: len < 128 ? UINT64_MAX >> (len - 64)
				    : 0,
	};
}

static void add_route(struct builder *b, const struct slb_route *route) {
	uint8_t len = route->len + (route->prefix.family == 4 ? V4_LEN : 0);
	struct ipaddr prefix = ipaddr_from_address(&route->prefix), host = host_bits(len);
	struct ipaddr first = {prefix.hi & ~host.hi, prefix.lo & ~host.lo};

	b->spans[b->n_spans++] = (struct span){
		.first = first,
		.last = {first.hi | host.hi, first.lo | host.lo},
		.len = len,
		.port = route->port,
		.hop = route_hop(b, route),
		.connected = route->gateway.family == 0,
	};
}

static void add_neighbour(struct builder *b, const struct slb_neighbour *n) {
	struct ipaddr addr = ipaddr_from_address(&n->addr);

	b->spans[b->n_spans++] = (struct span){
		.first = addr,
		.last = addr,
		.len = NEIGHBOUR_LEN,
		.port = n->port,
		.hop = add_hop(b, n->port, addr, n->mac),
	};
}

// Keeps IPv6 prefixes away from IPv4 addresses; sorted before the IPv4 default route, which takes its place.
static void add_v4_floor(struct builder *b) {
	b->spans[b->n_spans++] = (struct span){
		.first = {0, IP_V4_FIRST},
		.last = {0, IP_V4_LAST},
		.len = V4_LEN - 1,
		.hop = HOP_NONE,
	};
}

static void emit(struct fwd *fwd, struct ipaddr start, uint16_t hop) {
	if (fwd->n_ranges > 0 && ipaddr_equal(fwd->start[fwd->n_ranges - 1], start))
		fwd->n_ranges--;
	if (fwd->n_ranges > 0 && fwd->range_hop[fwd->n_ranges - 1] == hop)
		return;
	fwd->start[fwd->n_ranges] = start;
	fwd->range_hop[fwd->n_ranges++] = hop;
}

static void flatten(struct builder *b) {
	struct span stack[MAX_DEPTH] = {{.last = ALL_ONES, .hop = HOP_NONE}};
	uint32_t top = 0;

	emit(b->fwd, UNSET, HOP_NONE);
	for (uint32_t i = 0; i < b->n_spans; i++) {
		const struct span *s = &b->spans[i];
		for (; ipaddr_below(stack[top].last, s->first); top--)
			emit(b->fwd, ipaddr_next(stack[top].last), stack[top - 1].hop);
		if (s->len == NEIGHBOUR_LEN
		    && !(stack[top].connected && stack[top].port == s->port))
			continue;
		// The same prefix again replaces the one before.
		if (top == 0 || stack[top].len != s->len
		    || !ipaddr_equal(stack[top].first, s->first))
			top++;
		stack[top] = *s;
		emit(b->fwd, s->first, s->hop);
	}
	for (; top > 0; top--)
		if (!ipaddr_equal(stack[top].last, ALL_ONES))
			emit(b->fwd, ipaddr_next(stack[top].last), stack[top - 1].hop);
}

static struct fwd *allocate(const struct admin *a, int socket) {
	uint32_t spans = a->n_routes + a->n_neighbours + 1;
	size_t ranges = 2 * (size_t)spans + 1, hops = (size_t)spans + 1;
	size_t size = sizeof(struct fwd) + hops * sizeof(struct hop)
		+ ranges * (sizeof(struct ipaddr) + sizeof(uint16_t))
		+ a->n_own * sizeof(struct ipaddr);
	struct fwd *fwd = rte_zmalloc_socket("fwd", size, 64, socket);

	if (fwd == NULL)
		return NULL;
	fwd->hops = (struct hop *)(fwd + 1);
	fwd->start = (struct ipaddr *)(fwd->hops + hops);
	fwd->own = fwd->start + ranges;
	fwd->range_hop = (uint16_t *)(fwd->own + a->n_own);
	fwd->n_hops = HOP_NONE + 1;
	return fwd;
}

static void fill(struct builder *b) {
	const struct admin *a = b->admin;

	add_v4_floor(b);
	for (uint32_t i = 0; i < a->n_routes; i++)
		add_route(b, &a->routes[i]);
	for (uint32_t i = 0; i < a->n_neighbours; i++)
		add_neighbour(b, &a->neighbours[i]);
	qsort(b->spans, b->n_spans, sizeof(*b->spans), by_first);
	flatten(b);
	for (uint32_t i = 0; i < a->n_own; i++)
		b->fwd->own[i] = ipaddr_from_address(&a->own[i].addr);
	b->fwd->n_own = a->n_own;
	qsort(b->fwd->own, b->fwd->n_own, sizeof(struct ipaddr), by_value);
}

struct fwd *build_fwd(const struct admin *a, int socket) {
	struct builder b = {.admin = a, .fwd = allocate(a, socket)};

	b.spans = calloc(a->n_routes + a->n_neighbours + 1, sizeof(*b.spans));
	b.neighbours = malloc((a->n_neighbours + 1) * sizeof(*b.neighbours));
	if (b.fwd != NULL && b.spans != NULL && b.neighbours != NULL) {
		if (a->n_neighbours > 0)
			memcpy(b.neighbours, a->neighbours,
			       a->n_neighbours * sizeof(*b.neighbours));
		qsort(b.neighbours, a->n_neighbours, sizeof(*b.neighbours), by_address);
		fill(&b);
	} else {
		build_free(b.fwd);
		b.fwd = NULL;
	}
	free(b.spans);
	free(b.neighbours);
	return b.fwd;
}
