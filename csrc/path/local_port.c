// SPDX-License-Identifier: BSD-3-Clause

#include "path/local_port.h"

#include "base/clock.h"
#include "path/freed_port.h"
#include "path/local_port_ahead.h"
#include "path/session_group.h"
#include "path/session_key.h"

#include <errno.h>
#include <string.h>

// How long a search for a free port is not repeated for an RS after one that found none.
enum { BARREN_TICKS = 1 };

// A walk that met so many taken ports says that its RS is crowded, and so it is for some seconds.
enum { CROWDED_TRIES = 8, CROWDED_S = 4 };

// Ports given back that a new session may look at.
enum { FREED_TRIES = 16 };

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

static void begin_ahead(
	const struct core *c, struct laddr_ahead *a, struct laddr_walk *ports,
	const struct vs_rs *rs, uint8_t kind
) {
	*a = (struct laddr_ahead){.serial = ports->set->serial, .port = ports->port};
	for (uint32_t i = 0; i < LADDR_AHEAD; i++)
		local_port_draw(c, &a->drawn[i], rs, laddr_next(ports), kind);
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
		local_port_put(s, laddr, freed.port_be);
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

	if (ahead->serial != ports->set->serial || ahead->port != ports->port)
		begin_ahead(c, ahead, ports, rs, s->kind[DIR_OUT]);
	ahead->waits = false;
	for (uint32_t tries = 0; tries < LADDR_TRIES; tries++) {
		struct laddr_drawn *drawn = &ahead->drawn[ahead->turn];
		const struct laddr *laddr = &ports->set->laddrs[drawn->candidate.laddr];
		local_port_put(s, laddr, drawn->candidate.port_be);
		*rc = session_insert(&c->sessions, id, DIR_OUT, drawn->place);
		local_port_draw(c, drawn, rs, laddr_next(ports), s->kind[DIR_OUT]);
		ahead->turn ^= 1;
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

// Whether a candidate is taken is told by a session that is not in the caches. It is asked for, and the RS's next session will know; this one
// takes the other candidate.
static const struct laddr *take_other(struct core *c, uint32_t id, const struct vs_rs *rs) {
	struct session_table *t = &c->sessions;
	struct laddr_ahead *ahead = &c->aheads[rs->slot];
	const uint32_t which = ahead->turn;
	const struct laddr_drawn *drawn = &ahead->drawn[which];

	if (!local_port_usual(c, &t->entries[id], rs, ahead))
		return NULL;
	ahead->waits = !ahead->waits;
	if (ahead->waits) {
		session_prefetch_rival(t, drawn->place);
		if (!session_insert_fast(t, id, DIR_OUT, ahead->drawn[which ^ 1].place))
			return NULL;
		return local_port_took(c, id, rs, ahead, which ^ 1);
	}
	local_port_put(
		&t->entries[id], &c->laddrs->laddrs[drawn->candidate.laddr],
		drawn->candidate.port_be
	);
	if (session_insert(t, id, DIR_OUT, drawn->place) != 0)
		return NULL;
	ahead->turn ^= 1;
	return local_port_took(c, id, rs, ahead, which);
}

const struct laddr *local_port_take(struct core *c, uint32_t id, const struct vs_rs *rs, int *rc) {
	const enum laddr_family family = local_port_family(&c->sessions.entries[id]);
	const struct rs_core *core = &c->rs[rs->slot];
	const struct laddr *laddr = take_other(c, id, rs);
	struct laddr_walk ports;

	if (laddr != NULL)
		return laddr;
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

struct laddr_candidate local_port_next(
	const struct core *c, const struct vs_rs *rs, enum laddr_family family
) {
	struct laddr_walk ports = walk_of(c, rs, family);

	return laddr_next(&ports);
}

void local_port_give(struct core *c, const struct session *s, uint16_t slot) {
	const struct freed_port freed = {
		.rs = rs_hash(c, s), .slot = slot, .port_be = s->key[DIR_OUT].dport_be
	};

	freed_port_give(c->freed, freed);
}
