// SPDX-License-Identifier: BSD-3-Clause

#include "path/local_port.h"

#include "base/clock.h"
#include "path/freed_port.h"
#include "path/session_group.h"
#include "path/session_key.h"

#include <errno.h>
#include <rte_branch_prediction.h>
#include <string.h>

// How long a search for a free port is not repeated for an RS after one that found none.
enum { BARREN_TICKS = 1 };

// A walk that met so many taken ports says that its RS is crowded, and so it is for some seconds.
enum { CROWDED_TRIES = 8, CROWDED_S = 4 };

// Ports given back that a new session may look at.
enum { FREED_TRIES = 16 };

static void put_local(struct session *s, const struct laddr *laddr, uint16_t port_be) {
	s->key[DIR_OUT].dport_be = port_be;
	if (session_is_v6(s, DIR_OUT))
		ipaddr_v6_bytes(laddr->addr, session_addrs(s)->addr[DIR_OUT][1]);
	else
		s->key[DIR_OUT].dst_be = ipaddr_v4_be(laddr->addr);
}

// The port that leads to an RS, if it has local addresses of this worker's.
static uint16_t port_towards(const struct core *c, enum laddr_family family, struct ipaddr rs) {
	const struct hop *hop;

	if (c->laddrs->one_port[family])
		return LADDR_ANY_PORT;
	hop = &c->fwd->hops[fwd_find(c->fwd, rs)];
	if (hop->state == HOP_NO_ROUTE || c->laddrs->n_on[hop->port][family] == 0)
		return LADDR_ANY_PORT;
	return hop->port;
}

// Another RS may have had the slot, and local addresses change.
static bool is_ahead_for(
	const struct laddr_ahead *a, const struct laddr_walk *ports, const struct session *s
) {
	return a->serial == ports->set->serial && a->port == ports->port
		&& a->rs_port_be == ports->rs_port_be && a->kind == s->kind[DIR_OUT]
		&& ipaddr_equal(a->rs, ports->rs);
}

// Where the key of a packet from the RS to a local address and port leads. Made of values: the entry has just been written in smaller pieces
// than it would be read in, and such a load waits until they have left the store buffer.
static __rte_always_inline struct session_place place_of(
	const struct core *c, const struct laddr_walk *ports, struct laddr_candidate to,
	uint8_t kind
) {
	const struct session_index index = session_index(&c->sessions);
	const struct ipaddr rs = ports->rs, local = ports->set->laddrs[to.laddr].addr;
	const uint32_t both = session_ports(ports->rs_port_be, to.port_be);
	uint64_t addresses;

	if (kind & KIND_V6)
		addresses = session_hash6(
			&index.seed,
			(const uint64_t[]){
				rte_cpu_to_be_64(rs.hi),
				rte_cpu_to_be_64(rs.lo),
				rte_cpu_to_be_64(local.hi),
				rte_cpu_to_be_64(local.lo),
			}
		);
	else
		addresses = session_addresses(ipaddr_v4_be(rs), ipaddr_v4_be(local));
	return session_place_of_hash(
		&index, session_parts_hash(&index.seed, addresses, both, kind)
	);
}

static __rte_always_inline void look_ahead(
	const struct core *c, struct laddr_ahead *a, const struct laddr_walk *ports
) {
	a->candidate = laddr_next(ports);
	a->place = place_of(c, ports, a->candidate, a->kind);
	session_place_prefetch(&c->sessions, a->place);
}

static __rte_noinline void begin_ahead(
	const struct core *c, struct laddr_ahead *a, const struct laddr_walk *ports, uint8_t kind
) {
	*a = (struct laddr_ahead){
		.rs = ports->rs,
		.rs_port_be = ports->rs_port_be,
		.kind = kind,
		.port = ports->port,
		.serial = ports->set->serial,
	};
	look_ahead(c, a, ports);
}

// The same for all sessions of an RS's address, port and protocol.
static uint64_t rs_hash(const struct core *c, const struct session *s) {
	struct flow_key key = s->key[DIR_OUT];
	uint8_t addrs6[2][IP6_BYTES] = {{0}};

	key.dst_be = 0;
	key.dport_be = 0;
	if (session_is_v6(s, DIR_OUT))
		memcpy(addrs6[0], session_addrs(s)->addr[DIR_OUT][0], IP6_BYTES);
	return session_key_hash(
		&c->sessions.seed, (struct session_key){&key, addrs6[0], s->kind[DIR_OUT]}
	);
}

static const struct laddr *take_freed(
	struct core *c, uint32_t id, const struct laddr_walk *ports, int *rc
) {
	struct session *s = &c->sessions.entries[id];
	uint64_t hash = rs_hash(c, s);
	struct freed_port freed;

	for (uint32_t tries = 0; tries < FREED_TRIES; tries++) {
		const struct laddr *laddr;
		uint16_t place;
		if (!freed_port_take(c->freed, hash, &freed))
			break;
		place = ports->set->place[freed.slot];
		if (place == LADDR_NOWHERE)
			continue;
		laddr = &ports->set->laddrs[place];
		if (ports->port != LADDR_ANY_PORT && ports->port != laddr->port)
			continue;
		put_local(s, laddr, freed.port_be);
		*rc = session_insert(
			&c->sessions, id, DIR_OUT, session_place_of_entry(&c->sessions, s, DIR_OUT)
		);
		if (*rc == 0)
			return laddr;
	}
	return NULL;
}

static __rte_always_inline const struct laddr *take_next(
	struct core *c, uint32_t id, const struct laddr_walk *ports, int *rc
) {
	struct session *s = &c->sessions.entries[id];
	struct laddr_ahead *ahead = &c->aheads[s->rs];
	struct rs_core *rs = &c->rs[s->rs];

	if (unlikely(!is_ahead_for(ahead, ports, s)))
		begin_ahead(c, ahead, ports, s->kind[DIR_OUT]);
	for (uint32_t tries = 0; tries < LADDR_TRIES; tries++) {
		const struct laddr *laddr = &ports->set->laddrs[ahead->candidate.laddr];
		put_local(s, laddr, ahead->candidate.port_be);
		*rc = session_insert(&c->sessions, id, DIR_OUT, ahead->place);
		look_ahead(c, ahead, ports);
		if (tries == CROWDED_TRIES)
			rs->crowded_until = c->now + clock_ticks_from_s(CROWDED_S);
		if (*rc != -EEXIST)
			return *rc == 0 ? laddr : NULL;
	}
	rs->barren_until = c->now + BARREN_TICKS;
	*rc = -EADDRNOTAVAIL;
	return NULL;
}

const struct laddr *local_port_take(struct core *c, uint32_t id, uint32_t walk, int *rc) {
	struct session *s = &c->sessions.entries[id];
	enum laddr_family family = session_is_v6(s, DIR_OUT) ? LADDR_V6 : LADDR_V4;
	const struct laddr *laddr = NULL;
	struct rs_core *rs = &c->rs[s->rs];
	struct laddr_walk ports = {
		.set = c->laddrs,
		.family = family,
		.rs_port_be = s->key[DIR_OUT].sport_be,
		.rs = session_src(s, DIR_OUT),
		.turn = &c->walks[walk],
		.salt = c->salt + walk * 0x9e37u,
	};

	*rc = -EADDRNOTAVAIL;
	if (c->laddrs->n_of[family] == 0)
		return NULL;
	ports.port = port_towards(c, family, ports.rs);
	// Who is barren is crowded, too.
	if (unlikely(core_rs_crowded(c, rs))) {
		laddr = take_freed(c, id, &ports, rc);
		// Equal, not later: an RS that had no trouble for half the clock's range must not seem barren.
		if (laddr != NULL || rs->barren_until == c->now + BARREN_TICKS)
			return laddr;
	}
	return take_next(c, id, &ports, rc);
}

void local_port_give(struct core *c, const struct session *s, uint16_t slot) {
	const struct freed_port freed = {
		.rs = rs_hash(c, s), .slot = slot, .port_be = s->key[DIR_OUT].dport_be
	};

	freed_port_give(c->freed, freed);
}
