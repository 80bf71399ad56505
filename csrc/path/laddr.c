// SPDX-License-Identifier: BSD-3-Clause

#include "path/laddr.h"

#include "path/rss_port.h"

#include <rte_byteorder.h>

// Powers of 27395, coprime with LADDR_PORTS = 2^10 * 3^2 * 7, so that a lap visits every port once. A run of taken ports
// that one lap left behind is met by any other lap spread out: with nine ports of ten taken in a row, no lap
// finds more than 23 of them one after the other.
static const uint16_t STRIDES[] = {
	27395, 17929, 35099, 50257, 39923, 18649, 18827, 56737, 22499, 12457, 55547, 1009,
};

enum { N_STRIDES = sizeof(STRIDES) / sizeof(STRIDES[0]) };

// The salt keeps two RS, and two lives of this process, from using the same ports in the same order.
static uint16_t next_of_all(uint32_t step, uint32_t salt) {
	uint32_t stride = STRIDES[step / LADDR_PORTS % N_STRIDES];

	return (uint16_t)(LADDR_PORT_FIRST + ((uint64_t)step * stride + salt) % LADDR_PORTS);
}

static uint32_t address_hash(
	const struct toeplitz *t, struct ipaddr addr, uint32_t at4, uint32_t at6
) {
	uint8_t bytes[IP6_BYTES];
	uint32_t addr_be = ipaddr_v4_be(addr);

	if (ipaddr_is_v4(addr))
		return toeplitz_part(t, at4, &addr_be, sizeof(addr_be));
	ipaddr_v6_bytes(addr, bytes);
	return toeplitz_part(t, at6, bytes, sizeof(bytes));
}

uint32_t laddr_rss_hash(const struct rss_port *rss, struct ipaddr addr) {
	return address_hash(&rss->key, addr, TOEPLITZ4_DST, TOEPLITZ6_DST);
}

static void hash_rs(struct laddr_walk *w, const struct rss_port *rss) {
	uint32_t at = w->family == LADDR_V4 ? TOEPLITZ4_SPORT : TOEPLITZ6_SPORT;

	w->rss = rss;
	w->rss_hash = address_hash(&rss->key, w->rs, TOEPLITZ4_SRC, TOEPLITZ6_SRC)
		^ toeplitz_part(&rss->key, at, &w->rs_port_be, sizeof(w->rs_port_be));
}

static uint16_t next_of_share(struct laddr_walk *w, const struct laddr *l, uint32_t step) {
	if (w->rss != l->rss)
		hash_rs(w, l->rss);
	return rss_port_candidate(
		l->rss, w->family == LADDR_V4 ? RSS_V4 : RSS_V6, w->set->worker,
		w->rss_hash ^ l->rss_hash, step, w->salt
	);
}

struct laddr_candidate laddr_search(struct laddr_walk *w) {
	uint32_t n = w->set->n_of[w->family];
	uint16_t port = 0;
	const struct laddr *l;

	// Of the steps over one address hardly less than half have a port, in the worst case a quarter.
	do {
		if (w->turn->next >= n) {
			w->turn->step++;
			w->turn->next = 0;
			w->turn->port = 0;
		}
		l = laddr_at(w->set, w->family, w->turn->next++);
		if (w->port != LADDR_ANY_PORT && w->port != l->port)
			continue;
		if (l->rss != NULL)
			port = next_of_share(w, l, w->turn->step);
		else if (w->turn->port != 0)
			port = w->turn->port;
		else
			port = w->turn->port = next_of_all(w->turn->step, w->salt);
	} while (port == 0);
	return laddr_candidate(w->set, l, port);
}
