// SPDX-License-Identifier: BSD-3-Clause
// The usual choice of a local port: the RS's candidate that was drawn ahead leads to a group where no key has its tag.
#pragma once

#include "path/core.h"
#include "path/session_group.h"
#include "path/session_key.h"

#include <rte_branch_prediction.h>

static inline enum laddr_family local_port_family(const struct session *s) {
	return session_is_v6(s, DIR_OUT) ? LADDR_V6 : LADDR_V4;
}

static inline void local_port_put(struct session *s, const struct laddr *laddr, uint16_t port_be) {
	s->key[DIR_OUT].dport_be = port_be;
	if (session_is_v6(s, DIR_OUT))
		ipaddr_v6_bytes(laddr->addr, session_addrs(s)->addr[DIR_OUT][1]);
	else
		s->key[DIR_OUT].dst_be = ipaddr_v4_be(laddr->addr);
}

// Where the key of a packet from the RS to a local address and port leads. Made of values: the entry has just been written in smaller pieces
// than it would be read in, and such a load waits until they have left the store buffer.
static __rte_always_inline struct session_place local_port_place(
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

static __rte_always_inline void local_port_draw(
	const struct core *c, struct laddr_drawn *drawn, const struct vs_rs *rs,
	struct laddr_candidate next, uint8_t kind
) {
	drawn->candidate = next;
	drawn->place = local_port_place(c, rs, next, kind);
	session_place_prefetch(&c->sessions, drawn->place);
}

// What is seldom needed of the one below: the next candidate of the RS's walk.
struct laddr_candidate local_port_next(
	const struct core *c, const struct vs_rs *rs, enum laddr_family family
);

// Session `id` has taken the RS's candidate number `which`, and another is drawn in its place; its address.
static __rte_always_inline const struct laddr *local_port_took(
	struct core *c, uint32_t id, const struct vs_rs *rs, struct laddr_ahead *ahead,
	uint32_t which
) {
	struct session *s = &c->sessions.entries[id];
	const enum laddr_family family = local_port_family(s);
	struct laddr_drawn *drawn = &ahead->drawn[which];
	const struct laddr *laddr = &c->laddrs->laddrs[drawn->candidate.laddr];
	struct laddr_candidate next;

	local_port_put(s, laddr, drawn->candidate.port_be);
	if (unlikely(!laddr_next_fast(c->laddrs, family, &c->walks[rs->walk], &next)))
		next = local_port_next(c, rs, family);
	local_port_draw(c, drawn, rs, next, s->kind[DIR_OUT]);
	return laddr;
}

// Whether the RS's candidates may be taken as they are.
static __rte_always_inline bool local_port_usual(
	const struct core *c, const struct session *s, const struct vs_rs *rs,
	const struct laddr_ahead *ahead
) {
	return ahead->serial == c->laddrs->serial && c->laddrs->one_port[local_port_family(s)]
		&& !core_rs_crowded(c, &c->rs[rs->slot]);
}

// As local_port_take() does it in the usual case; NULL: it is another, and nothing was done.
static __rte_always_inline const struct laddr *local_port_take_ahead(
	struct core *c, uint32_t id, const struct vs_rs *rs
) {
	struct laddr_ahead *ahead = &c->aheads[rs->slot];
	const uint32_t which = ahead->turn;

	if (unlikely(
		    !local_port_usual(c, &c->sessions.entries[id], rs, ahead)
		    || !session_insert_fast(&c->sessions, id, DIR_OUT, ahead->drawn[which].place)
	    ))
		return NULL;
	ahead->turn ^= 1;
	return local_port_took(c, id, rs, ahead, which);
}
