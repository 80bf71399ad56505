// SPDX-License-Identifier: BSD-3-Clause

#include "path/rss_port.h"

#include <errno.h>
#include <rte_byteorder.h>

enum {
	PORT_BITS = 16,
	PORT_FIRST = 1024, // of those that sessions may take
	PORT_LOW_BITS = 10, // those below that have no others
	RATIO_FIRST = 7, // bits of the smallest walk: a port's, less a place's in the largest table
};

// By the bits of a walk: what each lap's stride is of the last one's. Odd, so that a lap visits every candidate once. With nine
// candidates of ten taken in a row by one lap, no other lap of the 11 finds more than 28 of them one after the other.
static const uint16_t RATIOS[] = {59, 61, 69, 125, 387, 207, 649, 4205, 15761, 20943};

// Ports by the class that they lead to, made independent: each has a highest bit of its class that no other one has.
struct basis {
	uint16_t class[PORT_BITS];
	uint16_t port[PORT_BITS];
	uint16_t rank;
	uint16_t n_zero;
	uint16_t zero[PORT_BITS]; // independent ports of class 0
};

static void basis_reduce(const struct basis *b, uint16_t *class, uint16_t *port) {
	for (int bit = PORT_BITS - 1; bit >= 0; bit--)
		if (*class >> bit & 1 && b->class[bit] != 0) {
			*class ^= b->class[bit];
			*port ^= b->port[bit];
		}
}

static void basis_add(struct basis *b, uint16_t class, uint16_t port) {
	basis_reduce(b, &class, &port);
	if (class == 0) {
		b->zero[b->n_zero++] = port;
		return;
	}
	for (int bit = PORT_BITS - 1; bit >= 0; bit--)
		if (class >> bit & 1) {
			b->class[bit] = class;
			b->port[bit] = port;
			break;
		}
	b->rank++;
}

static uint16_t class_of(const struct rss_port *r, enum rss_family family, uint16_t port) {
	uint16_t port_be = rte_cpu_to_be_16(port);
	uint32_t at = family == RSS_V4 ? TOEPLITZ4_DPORT : TOEPLITZ6_DPORT;

	return (uint16_t)(toeplitz_part(&r->key, at, &port_be, sizeof(port_be)) & r->mask);
}

static void put_classes(struct rss_classes *c, const struct basis *b, uint32_t n_classes) {
	for (uint32_t v = 0; v < n_classes; v++) {
		uint16_t class = (uint16_t)v, port = 0;
		basis_reduce(b, &class, &port);
		c->port[v] = port;
	}
	for (uint32_t half = 0; half < 2; half++)
		for (uint32_t n = 0; n < 256; n++) {
			c->zero[half][n] = 0;
			for (uint32_t bit = 0; bit < 8; bit++)
				if (n >> bit & 1 && 8 * half + bit < b->n_zero)
					c->zero[half][n] ^= b->zero[8 * half + bit];
		}
}

// False: some classes have no ports, or more than half of their ports are below the first that may be taken. Those below
// it are the sums of the low bits' ports, and the fewer classes these lead to, the more of them are in one.
static bool init_classes(struct rss_port *r, enum rss_family family) {
	struct basis b = {0};

	for (uint32_t bit = 0; bit < PORT_BITS; bit++) {
		uint16_t port = (uint16_t)(1u << bit);
		if (bit == PORT_LOW_BITS && PORT_LOW_BITS - b.rank > PORT_BITS - 1 - r->bits)
			return false;
		basis_add(&b, class_of(r, family, port), port);
	}
	if (b.rank < r->bits)
		return false;
	put_classes(&r->classes[family], &b, r->mask + 1u);
	return true;
}

static void put_share(struct rss_port *r, struct rss_share *share) {
	uint32_t bits = PORT_BITS - r->bits, stride = 1;

	while (1u << (bits - (PORT_BITS - r->bits)) < share->n)
		bits++;
	share->bits = (uint8_t)bits;
	for (uint32_t lap = 0; lap < RSS_LAPS; lap++) {
		stride *= RATIOS[bits - RATIO_FIRST];
		share->strides[lap] = (uint16_t)(stride & ((1u << bits) - 1));
	}
}

// False: a worker has no place.
static bool init_shares(struct rss_port *r, uint16_t n_workers) {
	uint16_t n = 0;
	bool all = true;

	for (uint16_t w = 0; w < n_workers; w++) {
		r->share[w].first = n;
		for (uint32_t place = 0; place <= r->mask; place++)
			if (r->worker[place] == w)
				r->places[n++] = (uint16_t)place;
		r->share[w].n = n - r->share[w].first;
		all &= r->share[w].n > 0;
		put_share(r, &r->share[w]);
	}
	return all;
}

static int check_table(const struct rss_facts *facts, struct err *e) {
	uint32_t n = facts->table_len;

	if (n == 0 || n > RSS_TABLE_MAX || (n & (n - 1)) != 0)
		return err_set(
			e, ENOTSUP,
			"a redirection table of %u entries, not of a power of two up to %d", n,
			RSS_TABLE_MAX
		);
	for (uint32_t place = 0; place < n; place++)
		if (facts->worker[place] >= facts->n_workers)
			return err_set(
				e, ENOTSUP, "entry %u of the redirection table leads to no worker",
				place
			);
	return 0;
}

int rss_port_init(struct rss_port *r, const struct rss_facts *facts, struct err *e) {
	int rc = check_table(facts, e);

	if (rc != 0)
		return rc;
	if (facts->key_len < TOEPLITZ_KEY_MIN)
		return err_set(
			e, ENOTSUP, "an RSS key of %u bytes, %d are needed", facts->key_len,
			TOEPLITZ_KEY_MIN
		);
	*r = (struct rss_port){.mask = facts->table_len - 1};
	while (1u << r->bits < facts->table_len)
		r->bits++;
	for (uint32_t place = 0; place < facts->table_len; place++)
		r->worker[place] = facts->worker[place];
	toeplitz_init(&r->key, facts->key);
	if (!init_shares(r, facts->n_workers))
		return err_set(
			e, ENOTSUP, "the redirection table does not lead to all %u workers",
			facts->n_workers
		);
	for (enum rss_family family = 0; family < RSS_FAMILIES; family++) {
		r->serves[family] = facts->able[family] && init_classes(r, family);
		if (facts->wanted[family] && !r->serves[family])
			return err_set(
				e, ENOTSUP,
				"the RSS key is too regular: the local ports of IPv%d do not reach "
				"the whole redirection table",
				family == RSS_V4 ? 4 : 6
			);
	}
	return 0;
}

uint16_t rss_port_candidate(
	const struct rss_port *r, enum rss_family family, uint16_t worker, uint32_t hash,
	uint32_t step, uint32_t salt
) {
	const struct rss_share *share = &r->share[worker];
	const struct rss_classes *c = &r->classes[family];
	uint32_t port_bits = PORT_BITS - r->bits;
	uint32_t lap = (step >> share->bits) % RSS_LAPS;
	uint32_t number = (step * share->strides[lap] + salt) & ((1u << share->bits) - 1);
	uint32_t place = number >> port_bits, member = number & ((1u << port_bits) - 1);
	uint16_t port;

	if (place >= share->n)
		return 0;
	port = c->port[r->places[share->first + place] ^ (hash & r->mask)];
	port ^= c->zero[0][member & 255] ^ c->zero[1][member >> 8];
	return port >= PORT_FIRST ? port : 0;
}
