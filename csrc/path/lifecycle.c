// SPDX-License-Identifier: BSD-3-Clause

#include "path/lifecycle.h"

#include "base/clock.h"
#include "path/answers.h"
#include "path/client_address.h"
#include "path/csum.h"
#include "path/local_port.h"
#include "path/local_port_ahead.h"
#include "path/session_group.h"
#include "path/session_key.h"
#include "path/spread.h"
#include "path/syn_proxy.h"
#include "path/tcp_expired.h"
#include "path/tcp_number.h"
#include "path/tcp_state.h"

#include <errno.h>
#include <rte_branch_prediction.h>

// Sessions whose end has begun before the first of them is over.
enum { EXPIRE_AT_ONCE = 16 };

// Sessions looked at for one that makes room for another.
enum { VICTIM_LOOKS = 16 };

static uint32_t timeout(const struct core *c, const struct session *s) {
	return c->policies[s->policy].timeout[s->state];
}

static bool drains(const struct core *c, const struct session *s) {
	return core_rs_removed(c, &c->rs[s->rs]) && c->drain_tcp > 0
		&& session_proto(s) == SLB_PROTO_TCP;
}

static uint32_t deadline(const struct core *c, const struct session *s) {
	return c->rs[s->rs].removed_at + c->drain_tcp;
}

static bool is_drained(const struct core *c, const struct session *s) {
	return drains(c, s) && clock_reached(c->now, deadline(c, s));
}

uint32_t session_due(const struct core *c, const struct session *s) {
	uint32_t due;

	if (c->spread->ends)
		return c->now;
	due = syn_proxy_waits(c, s) ? syn_proxy_due(c, s) : s->seen + timeout(c, s);
	return drains(c, s) && clock_reached(due, deadline(c, s)) ? deadline(c, s) : due;
}

static void arm(struct core *c, const struct session *s) {
	wheel_arm(
		&c->wheel, &c->sessions, session_id(&c->sessions, s), session_lane(c, s),
		session_due(c, s)
	);
}

void session_rearm(struct core *c, struct session *s) {
	wheel_disarm(&c->wheel, &c->sessions, session_id(&c->sessions, s));
	arm(c, s);
}

// An address is owned from before its first session to after its last one.
static uint16_t slot_of(const struct core *c, const struct session *s) {
	if (unlikely(session_is_v6(s, DIR_OUT)))
		return owner_entry(c->owners, session_dst(s, DIR_OUT))->slot;
	return owner_entry_v4(c->owners, s->key[DIR_OUT].dst_be)->slot;
}

// The sum of the addresses of the packets that arrive in a direction.
static uint64_t addresses_sum(const struct session *s, enum direction dir) {
	if (session_is_v6(s, dir))
		return csum_sum(session_addrs(s)->addr[dir], 2 * IP6_BYTES);
	return (uint64_t)s->key[dir].src_be + s->key[dir].dst_be;
}

static uint64_t ports_sum(const struct session *s, enum direction dir) {
	return (uint64_t)s->key[dir].sport_be + s->key[dir].dport_be;
}

static void set_deltas(struct session *s) {
	uint64_t addresses = csum_replace(addresses_sum(s, DIR_IN), addresses_sum(s, DIR_OUT));
	uint64_t ports = csum_replace(ports_sum(s, DIR_IN), ports_sum(s, DIR_OUT));

	s->ip_delta = csum_fold64(addresses);
	s->l4_delta = csum_fold64(addresses + ports);
}

static void put_keys(struct session *s, const struct pkt *p, const struct vs_rs *rs) {
	bool rs_is_v4 = ipaddr_is_v4(rs->addr);

	s->key[DIR_IN] = p->key;
	s->kind[DIR_IN] = p->kind;
	s->key[DIR_OUT].sport_be = rs->port_be;
	s->kind[DIR_OUT] = p->proto | (rs_is_v4 ? 0 : KIND_V6);
	if (pkt_is_v6(p))
		memcpy(session_addrs(s)->addr[DIR_IN], pkt_addrs6(p), 2 * IP6_BYTES);
	if (rs_is_v4)
		s->key[DIR_OUT].src_be = ipaddr_v4_be(rs->addr);
	else
		ipaddr_v6_bytes(rs->addr, session_addrs(s)->addr[DIR_OUT][0]);
}

// Both keys are entered, or none; of a one-packet session only the RS's, so that each question makes one.
static const struct laddr *enter(
	struct core *c, uint32_t id, const struct pkt *p, const struct vs_rs *rs, int *rc
) {
	struct session *s = &c->sessions.entries[id];
	const struct laddr *laddr = local_port_take_ahead(c, id, rs);

	if (unlikely(laddr == NULL))
		laddr = local_port_take(c, id, rs, rc);
	if (laddr == NULL || c->policies[s->policy].one_packet
	    || session_insert_new(&c->sessions, id, DIR_IN, session_place_of_pkt(p)) == 0)
		return laddr;
	session_remove(&c->sessions, id, DIR_OUT, session_place_of_entry(&c->sessions, s, DIR_OUT));
	*rc = -ENOSPC;
	return NULL;
}

static void count_new(struct core *c, const struct session *s, const struct laddr *laddr) {
	struct laddr_use *use = &c->laddr_use[laddr->slot];
	struct rs_core *rs = &c->rs[s->rs];

	rs->sessions++;
	rs->active++;
	use->sessions++;
	use->active++;
	c->policy_sessions[s->policy]++;
	c->counters.epochs[s->epoch]++;
	c->counters.created++;
}

void session_create(struct core *c, struct pkt *p, const struct vs *vs, const struct vs_rs *rs) {
	enum session_width width = session_width(p, rs);
	uint32_t id = session_take(&c->sessions, width);
	const struct policy *policy = &c->policies[vs->policy];
	const struct laddr *laddr;
	struct session *s;
	int rc;

	if (id == SESSION_NIL) {
		pkt_drop(p, SLB_DROP_SESSION_FULL);
		return;
	}
	s = &c->sessions.entries[id];
	put_keys(s, p, rs);
	s->rs = rs->slot;
	s->policy = vs->policy;
	s->epoch = c->spread->epoch;
	s->state = p->proto == SLB_PROTO_TCP ? SLB_TCP_SYN_SENT : SLB_UDP_ONEWAY;
	s->seen = c->now;
	// A generation that is not the current one makes the first packet look the hops up.
	s->hop_gen = c->fwd_gen - 1;
	laddr = enter(c, id, p, rs, &rc);
	if (laddr == NULL) {
		session_give(&c->sessions, id);
		pkt_drop(p, rc == -ENOSPC ? SLB_DROP_SESSION_FULL : SLB_DROP_NO_LOCAL_PORT);
		return;
	}
	set_deltas(s);
	if (c->renumber && p->proto == SLB_PROTO_TCP)
		tcp_number(c, s, p);
	if (policy->client_address != SLB_CLIENT_ADDRESS_NONE)
		client_address_begin(c, s, p);
	if (c->acks != NULL)
		c->acks[id] = (struct acks){0};
	// What shortens it, an RS that is on its way out or a SYN of ours to be repeated, is not for one that begins.
	wheel_arm(
		&c->wheel, &c->sessions, id, WHEEL_YIELDS + width,
		c->now + (c->spread->ends ? 0 : policy->timeout[s->state])
	);
	count_new(c, s, laddr);
	if (p->proto == SLB_PROTO_TCP)
		answers_begin(c, s, id);
	p->session = s;
	p->dir = DIR_IN;
}

// A session whose end has begun: where its keys lead.
struct ending {
	uint32_t id;
	struct session_place place[2];
};

static __rte_always_inline void begin_end(const struct core *c, struct ending *e, uint32_t id) {
	const struct session *s = &c->sessions.entries[id];

	e->id = id;
	for (int dir = 0; dir < 2; dir++) {
		e->place[dir] = session_place_of_entry(&c->sessions, s, dir);
		session_place_prefetch(&c->sessions, e->place[dir]);
	}
}

static __rte_always_inline void finish_end(struct core *c, const struct ending *e) {
	struct session *s = &c->sessions.entries[e->id];
	uint16_t slot = slot_of(c, s);

	answers_end(c, s);
	session_remove(&c->sessions, e->id, DIR_IN, e->place[DIR_IN]);
	session_remove(&c->sessions, e->id, DIR_OUT, e->place[DIR_OUT]);
	if (unlikely(core_rs_crowded(c, &c->rs[s->rs])))
		local_port_give(c, s, slot);
	c->rs[s->rs].active--;
	c->laddr_use[slot].active--;
	c->policy_sessions[s->policy]--;
	c->counters.epochs[s->epoch]--;
	if (unlikely(s->extras != 0)) {
		c->proxied -= (s->extras & SESSION_SYN_PROXY) != 0;
		c->n_reset -= (s->extras & SESSION_RESET) != 0;
	}
	c->counters.ended++;
	session_give(&c->sessions, e->id);
}

void session_end_now(struct core *c, struct session *s) {
	uint32_t id = session_id(&c->sessions, s);
	struct ending e;

	begin_end(c, &e, id);
	wheel_disarm(&c->wheel, &c->sessions, id);
	finish_end(c, &e);
}

bool session_is_answered(const struct core *c, const struct session *s) {
	return s->state == SLB_UDP_REPLIED && c->policies[s->policy].one_packet;
}

enum session_width session_width(const struct pkt *p, const struct vs_rs *rs) {
	return !pkt_is_v6(p) && ipaddr_is_v4(rs->addr) ? SESSION_NARROW : SESSION_WIDE;
}

bool session_is_over(const struct core *c, const struct session *s, enum direction dir) {
	const struct rs_core *rs = &c->rs[s->rs];

	if (likely(!core_rs_removed(c, rs)))
		return false;
	if (session_proto(s) == SLB_PROTO_UDP)
		return dir == DIR_IN;
	return drains(c, s) && clock_reached(c->now, rs->removed_at + c->drain_tcp);
}

// The first of its lane, unless packets came since it was armed: that one goes where it is due, so of sessions with one
// time-out the idlest is found. Each look is one that expiry need not take, and a flood of first packets costs no more than that.
struct session *session_victim(struct core *c, enum session_width width) {
	struct session *s = NULL;

	for (uint32_t looks = 0; looks < VICTIM_LOOKS; looks++) {
		uint32_t tick = 0;
		uint32_t id = wheel_first(&c->wheel, &c->sessions, WHEEL_YIELDS + width, &tick);
		if (id == SESSION_NIL)
			return NULL;
		s = &c->sessions.entries[id];
		if (clock_reached(tick, session_due(c, s)))
			break;
		session_rearm(c, s);
	}
	return s;
}

// Whether a session whose slot has come ends; it is armed again otherwise.
static bool expires(struct core *c, uint32_t id) {
	struct session *s = &c->sessions.entries[id];
	bool proxied = (s->extras & SESSION_SYN_PROXY) != 0;

	// The usual one: its time is over, and nothing is left to be said.
	if (likely(!proxied && c->acks == NULL && clock_reached(c->now, s->seen + timeout(c, s))))
		return true;
	if (!clock_reached(c->now, session_due(c, s))
	    || (proxied && !is_drained(c, s) && !c->spread->ends && syn_proxy_goes_on(c, s))) {
		arm(c, s);
		return false;
	}
	if (proxied)
		syn_proxy_gives_up(c, s);
	if (c->acks != NULL)
		tcp_tell_ends(c, s);
	return true;
}

// While the index groups of the first ones' keys are on their way, the next ones are looked at.
uint32_t session_expire(struct core *c, uint32_t budget) {
	struct ending under_way[EXPIRE_AT_ONCE];
	uint32_t looked_at = 0;
	bool more = true;

	while (more) {
		uint32_t n = 0;
		while (n < EXPIRE_AT_ONCE && more) {
			uint32_t id = SESSION_NIL;
			if (looked_at < budget)
				id = wheel_pop(&c->wheel, &c->sessions, c->now);
			more = id != SESSION_NIL;
			looked_at += more;
			if (more && expires(c, id))
				begin_end(c, &under_way[n++], id);
		}
		for (uint32_t i = 0; i < n; i++)
			finish_end(c, &under_way[i]);
	}
	return looked_at;
}
