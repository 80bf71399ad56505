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
	const struct laddr_ahead *a, const struct laddr_set *set, uint16_t port,
	const struct vs_rs *rs, uint8_t kind
) {
	return a->serial == set->serial && a->port == port && a->rs_port_be == rs->port_be
		&& a->kind == kind && ipaddr_equal(a->rs, rs->addr);
}

// Where the key of a packet from the RS to a local address and port leads. Made of values: the entry has just been written in smaller pieces
// than it would be read in, and such a load waits until they have left the store buffer.
static __rte_always_inline struct session_place place_of(
	const struct core *c, const struct vs_rs *rs, struct laddr_candidate to, uint8_t kind
) {
	const struct session_index index = session_index(&c->sessions);
	const struct ipaddr local = c->laddrs->laddrs[to.laddr].addr;
	const uint32_t both = session_ports(rs->port_be, to.port_be);
	uint64_t addresses;

	if (kind & KIND_V6)
		addresses = session_hash6(
			&index.seed,
			(const uint64_t[]){
				rte_cpu_to_be_64(rs->addr.hi),
				rte_cpu_to_be_64(rs->addr.lo),
				rte_cpu_to_be_64(local.hi),
				rte_cpu_to_be_64(local.lo),
			}
		);
	else
		addresses = session_addresses(ipaddr_v4_be(rs->addr), ipaddr_v4_be(local));
	return session_place_of_hash(
		&index, session_parts_hash(&index.seed, addresses, both, kind)
	);
}

static __rte_always_inline void look_ahead(
	const struct core *c, struct laddr_ahead *a, const struct vs_rs *rs,
	struct laddr_candidate next
) {
	a->candidate = next;
	a->place = place_of(c, rs, next, a->kind);
	session_place_prefetch(&c->sessions, a->place);
}

static void begin_ahead(
	const struct core *c, struct laddr_ahead *a, struct laddr_walk *ports,
	const struct vs_rs *rs, uint8_t kind
) {
	*a = (struct laddr_ahead){
		.rs = rs->addr,
		.rs_port_be = rs->port_be,
		.kind = kind,
		.port = ports->port,
		.serial = ports->set->serial,
	};
	look_ahead(c, a, rs, laddr_next(ports));
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

static const struct laddr *take_next(
	struct core *c, uint32_t id, const struct vs_rs *rs, struct laddr_walk *ports, int *rc
) {
	struct session *s = &c->sessions.entries[id];
	struct laddr_ahead *ahead = &c->aheads[rs->slot];
	struct rs_core *core = &c->rs[rs->slot];

	if (!is_ahead_for(ahead, ports->set, ports->port, rs, s->kind[DIR_OUT]))
		begin_ahead(c, ahead, ports, rs, s->kind[DIR_OUT]);
	for (uint32_t tries = 0; tries < LADDR_TRIES; tries++) {
		const struct laddr *laddr = &ports->set->laddrs[ahead->candidate.laddr];
		put_local(s, laddr, ahead->candidate.port_be);
		*rc = session_insert(&c->sessions, id, DIR_OUT, ahead->place);
		look_ahead(c, ahead, rs, laddr_next(ports));
		if (tries == CROWDED_TRIES)
			core->crowded_until = c->now + clock_ticks_from_s(CROWDED_S);
		if (*rc != -EEXIST)
			return *rc == 0 ? laddr : NULL;
	}
	core->barren_until = c->now + BARREN_TICKS;
	*rc = -EADDRNOTAVAIL;
	return NULL;
}

static struct laddr_walk walk_of(
	const struct core *c, const struct vs_rs *rs, enum laddr_family family
) {
	return (struct laddr_walk){
		.set = c->laddrs,
		.family = family,
		.port = port_towards(c, family, rs->addr),
		.rs_port_be = rs->port_be,
		.rs = rs->addr,
		.turn = &c->walks[rs->walk],
		.salt = c->salt + rs->walk * 0x9e37u,
	};
}

// Out of line, so that the usual case need not have a walk in memory.
static __rte_noinline const struct laddr *take_slowly(
	struct core *c, uint32_t id, const struct vs_rs *rs, enum laddr_family family, int *rc
) {
	const struct rs_core *core = &c->rs[rs->slot];
	const struct laddr *laddr;
	struct laddr_walk ports;

	*rc = -EADDRNOTAVAIL;
	if (c->laddrs->n_of[family] == 0)
		return NULL;
	ports = walk_of(c, rs, family);
	// Who is barren is crowded, too.
	if (core_rs_crowded(c, core)) {
		laddr = take_freed(c, id, &ports, rc);
		// Equal, not later: an RS that had no trouble for half the clock's range must not seem barren.
		if (laddr != NULL || core->barren_until == c->now + BARREN_TICKS)
			return laddr;
	}
	return take_next(c, id, rs, &ports, rc);
}

static __rte_noinline struct laddr_candidate next_slowly(
	const struct core *c, const struct vs_rs *rs, enum laddr_family family
) {
	struct laddr_walk ports = walk_of(c, rs, family);

	return laddr_next(&ports);
}

const struct laddr *local_port_take(struct core *c, uint32_t id, const struct vs_rs *rs, int *rc) {
	struct session *s = &c->sessions.entries[id];
	const enum laddr_family family = session_is_v6(s, DIR_OUT) ? LADDR_V6 : LADDR_V4;
	const struct laddr_set *set = c->laddrs;
	struct laddr_ahead *ahead = &c->aheads[rs->slot];
	struct laddr_turn *turn = &c->walks[rs->walk];
	struct laddr_candidate next;
	const struct laddr *laddr;

	if (unlikely(
		    !set->one_port[family]
		    || !is_ahead_for(ahead, set, LADDR_ANY_PORT, rs, s->kind[DIR_OUT])
		    || core_rs_crowded(c, &c->rs[rs->slot])
	    ))
		return take_slowly(c, id, rs, family, rc);
	laddr = &set->laddrs[ahead->candidate.laddr];
	put_local(s, laddr, ahead->candidate.port_be);
	if (unlikely(!session_insert_fast(&c->sessions, id, DIR_OUT, ahead->place)))
		return take_slowly(c, id, rs, family, rc);
	if (unlikely(!laddr_next_fast(set, family, turn, &next)))
		next = next_slowly(c, rs, family);
	look_ahead(c, ahead, rs, next);
	return laddr;
}

void local_port_give(struct core *c, const struct session *s, uint16_t slot) {
	const struct freed_port freed = {
		.rs = rs_hash(c, s), .slot = slot, .port_be = s->key[DIR_OUT].dport_be
	};

	freed_port_give(c->freed, freed);
}
