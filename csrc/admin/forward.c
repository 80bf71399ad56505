// SPDX-License-Identifier: BSD-3-Clause
// The forwarding view as one transaction: checked, built for every worker, published, kept or undone.

#include "admin/build.h"
#include "admin/publish.h"
#include "admin/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct view {
	uint32_t n_routes, n_neighbours, n_own;
	struct slb_route *routes;
	struct slb_neighbour *neighbours;
	struct slb_own_address *own;
};

static void *copy_of(const void *from, size_t size) {
	void *copy = malloc(size > 0 ? size : 1);

	if (copy != NULL && size > 0)
		memcpy(copy, from, size);
	return copy;
}

static void view_free(struct view *v) {
	free(v->routes);
	free(v->neighbours);
	free(v->own);
}

// Exchanges the admin core's view with *v; doing it twice changes nothing.
static void view_swap(struct admin *a, struct view *v) {
	struct view old = {
		a->n_routes, a->n_neighbours, a->n_own, a->routes, a->neighbours, a->own,
	};

	a->n_routes = v->n_routes;
	a->n_neighbours = v->n_neighbours;
	a->n_own = v->n_own;
	a->routes = v->routes;
	a->neighbours = v->neighbours;
	a->own = v->own;
	*v = old;
}

// IPv4-mapped addresses stand for IPv4 ones in here, so as IPv6 they are nobody's.
static bool is_address(const struct slb_address *a) {
	return a->family == 4 || (a->family == 6 && !ipaddr_is_v4(ipaddr_from_v6(a->bytes)));
}

static bool is_route(const struct admin *a, const struct slb_route *route) {
	return is_address(&route->prefix) && route->len <= (route->prefix.family == 4 ? 32 : 128)
		&& (route->gateway.family == 0 || is_address(&route->gateway))
		&& route->port < a->n_ports;
}

static int check(const struct admin *a, const struct view *v, struct slb_refused *refused) {
	const char *wrong = NULL;

	if ((uint64_t)v->n_routes + v->n_neighbours >= FWD_MAX_HOPS)
		wrong = "too many routes and neighbours; at most 65534 together";
	for (uint32_t i = 0; i < v->n_routes && wrong == NULL; i++)
		if (!is_route(a, &v->routes[i]))
			wrong = "a route's prefix or gateway is not an address, its prefix too "
				"long, or "
				"there is no such port";
	for (uint32_t i = 0; i < v->n_neighbours && wrong == NULL; i++)
		if (!is_address(&v->neighbours[i].addr) || v->neighbours[i].port >= a->n_ports)
			wrong = "a neighbour is not an address, or of no such port";
	for (uint32_t i = 0; i < v->n_own && wrong == NULL; i++)
		if (!is_address(&v->own[i].addr))
			wrong = "an own address is not an address";
	if (wrong == NULL)
		return 0;
	return refuse(refused, EINVAL, SLB_REFUSED_BAD_VALUE, "%s", wrong);
}

static int build_and_publish(struct admin *a, struct slb_refused *refused) {
	struct publication p;
	int rc = publication_init(&p, a, 0, 0, 0);

	for (uint16_t w = 0; rc == 0 && w < a->n_workers; w++) {
		p.msgs[w]->change.fwd = build_fwd(a, a->socket[w]);
		if (p.msgs[w]->change.fwd == NULL)
			rc = -ENOMEM;
	}
	if (rc == 0)
		rc = publish(&p, refused);
	else
		refuse(refused, ENOMEM, SLB_REFUSED_NO_MEMORY, "no memory for the forwarding view");
	publication_free(&p);
	return rc;
}

int admin_forward_set(
	struct admin *a, const struct slb_route *routes, uint32_t n_routes,
	const struct slb_neighbour *neighbours, uint32_t n_neighbours,
	const struct slb_own_address *own, uint32_t n_own, uint64_t *generation,
	struct slb_refused *refused
) {
	struct view view = {
		n_routes,
		n_neighbours,
		n_own,
		copy_of(routes, n_routes * sizeof(*routes)),
		copy_of(neighbours, n_neighbours * sizeof(*neighbours)),
		copy_of(own, n_own * sizeof(*own)),
	};
	int rc;

	*refused = (struct slb_refused){0};
	if (view.routes == NULL || view.neighbours == NULL || view.own == NULL)
		rc = refuse(refused, ENOMEM, SLB_REFUSED_NO_MEMORY, "no memory for the routes");
	else
		rc = check(a, &view, refused);
	if (rc == 0) {
		view_swap(a, &view);
		rc = build_and_publish(a, refused);
		if (rc != 0)
			view_swap(a, &view);
	}
	view_free(&view);
	*generation = a->generation;
	return rc;
}
