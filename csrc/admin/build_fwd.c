// SPDX-License-Identifier: BSD-3-Clause
// Flattens routes and neighbours into the forwarding view. Prefixes nest, so one pass over them in order of their first
// address, with a stack of those that are open, yields the disjoint ranges of the longest match. A neighbour is a
// /32 inside a connected route of its own port; elsewhere it is not a way to send packets.

#include "admin/build.h"

#include <rte_byteorder.h>
#include <rte_malloc.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 36 }; // 33 prefix lengths, a neighbour, the default below them all

struct span {
	uint32_t first;
	uint32_t last;
	uint16_t hop;
	uint16_t port;
	uint8_t len; // 33: a neighbour, so that it follows a /32 route
	bool connected;
};

struct builder {
	const struct admin *admin;
	struct fwd *fwd;
	struct slb_neighbour *neighbours; // sorted by address and port
	struct span *spans;
	uint32_t n_spans;
};

static uint32_t address(const struct slb_address *a) {
	uint32_t addr_be;

	memcpy(&addr_be, a->bytes, sizeof(addr_be));
	return rte_be_to_cpu_32(addr_be);
}

static int by_address(const void *left, const void *right) {
	const struct slb_neighbour *a = left, *b = right;
	int order = memcmp(a->addr.bytes, b->addr.bytes, 4);

	return order != 0 ? order : a->port - b->port;
}

static int by_first(const void *left, const void *right) {
	const struct span *a = left, *b = right;

	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	return a->len - b->len;
}

static int by_value(const void *left, const void *right) {
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
	return a < b ? -1 : a > b;
}

static uint16_t add_hop(struct builder *b, uint16_t port, uint32_t addr_be, const uint8_t *mac) {
	const struct admin_port *out = &b->admin->ports[port];
	struct hop *hop = &b->fwd->hops[b->fwd->n_hops];

	*hop = (struct hop){.port = port, .mtu = out->mtu, .addr_be = addr_be};
	memcpy(hop->src_mac, out->mac, sizeof(hop->src_mac));
	hop->state = mac != NULL ? HOP_READY : HOP_UNRESOLVED;
	if (mac != NULL)
		memcpy(hop->dst_mac, mac, sizeof(hop->dst_mac));
	return (uint16_t)b->fwd->n_hops++;
}

// The hop to a gateway (addr_be != 0), or the one that stands for a port's unknown neighbours (addr_be == 0).
static uint16_t route_hop(struct builder *b, const struct slb_route *route) {
	struct slb_neighbour want = {.addr = route->gateway, .port = route->port};
	const struct slb_neighbour *found = NULL;
	uint32_t addr_be;

	memcpy(&addr_be, route->gateway.bytes, sizeof(addr_be));
	for (uint32_t i = HOP_NONE + 1; i < b->fwd->n_hops; i++)
		if (b->fwd->hops[i].addr_be == addr_be && b->fwd->hops[i].port == route->port)
			return (uint16_t)i;
	if (addr_be != 0)
		found =
			bsearch(&want, b->neighbours, b->admin->n_neighbours, sizeof(want),
				by_address);
	return add_hop(b, route->port, addr_be, found != NULL ? found->mac : NULL);
}

static void add_route(struct builder *b, const struct slb_route *route) {
	uint32_t mask = route->len == 0 ? 0 : UINT32_MAX << (32 - route->len);
	uint32_t first = address(&route->prefix) & mask;

	b->spans[b->n_spans++] = (struct span){
		.first = first,
		.last = first | ~mask,
		.len = route->len,
		.port = route->port,
		.hop = route_hop(b, route),
		.connected = route->gateway.family == 0,
	};
}

static void add_neighbour(struct builder *b, const struct slb_neighbour *n) {
	uint32_t addr = address(&n->addr);

	b->spans[b->n_spans++] = (struct span){
		.first = addr,
		.last = addr,
		.len = 33,
		.port = n->port,
		.hop = add_hop(b, n->port, rte_cpu_to_be_32(addr), n->mac),
	};
}

static void emit(struct fwd *fwd, uint32_t start, uint16_t hop) {
	if (fwd->n_ranges > 0 && fwd->start[fwd->n_ranges - 1] == start)
		fwd->n_ranges--;
	if (fwd->n_ranges > 0 && fwd->range_hop[fwd->n_ranges - 1] == hop)
		return;
	fwd->start[fwd->n_ranges] = start;
	fwd->range_hop[fwd->n_ranges++] = hop;
}

static void flatten(struct builder *b) {
	struct span stack[MAX_DEPTH] = {{.last = UINT32_MAX, .hop = HOP_NONE}};
	uint32_t top = 0;

	emit(b->fwd, 0, HOP_NONE);
	for (uint32_t i = 0; i < b->n_spans; i++) {
		const struct span *s = &b->spans[i];
		for (; stack[top].last < s->first; top--)
			emit(b->fwd, stack[top].last + 1, stack[top - 1].hop);
		if (s->len == 33 && !(stack[top].connected && stack[top].port == s->port))
			continue;
		// The same prefix again replaces the one before.
		if (top == 0 || stack[top].len != s->len || stack[top].first != s->first)
			top++;
		stack[top] = *s;
		emit(b->fwd, s->first, s->hop);
	}
	for (; top > 0; top--)
		if (stack[top].last != UINT32_MAX)
			emit(b->fwd, stack[top].last + 1, stack[top - 1].hop);
}

static struct fwd *allocate(const struct admin *a, int socket) {
	uint32_t spans = a->n_routes + a->n_neighbours;
	size_t ranges = 2 * (size_t)spans + 1, hops = (size_t)spans + 1;
	size_t size = sizeof(struct fwd) + hops * sizeof(struct hop)
		+ ranges * (sizeof(uint32_t) + sizeof(uint16_t)) + a->n_own * sizeof(uint32_t);
	struct fwd *fwd = rte_zmalloc_socket("fwd", size, 64, socket);

	if (fwd == NULL)
		return NULL;
	fwd->hops = (struct hop *)(fwd + 1);
	fwd->start = (uint32_t *)(fwd->hops + hops);
	fwd->own = fwd->start + ranges;
	fwd->range_hop = (uint16_t *)(fwd->own + a->n_own);
	fwd->n_hops = HOP_NONE + 1;
	return fwd;
}

static void fill(struct builder *b) {
	const struct admin *a = b->admin;

	for (uint32_t i = 0; i < a->n_routes; i++)
		add_route(b, &a->routes[i]);
	for (uint32_t i = 0; i < a->n_neighbours; i++)
		add_neighbour(b, &a->neighbours[i]);
	qsort(b->spans, b->n_spans, sizeof(*b->spans), by_first);
	flatten(b);
	for (uint32_t i = 0; i < a->n_own; i++)
		b->fwd->own[i] = address(&a->own[i].addr);
	b->fwd->n_own = a->n_own;
	qsort(b->fwd->own, b->fwd->n_own, sizeof(uint32_t), by_value);
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
