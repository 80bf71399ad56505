// SPDX-License-Identifier: BSD-3-Clause

#include "path/fragment.h"

#include "base/clock.h"
#include "path/frag_header.h"
#include "path/mbuf_edit.h"
#include "path/note.h"
#include "path/parse.h"
#include "path/session_key.h"
#include "path/spread.h"

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_icmp.h>
#include <rte_mbuf.h>
#include <rte_udp.h>
#include <string.h>

enum { IDS = 1 << 16 };

// Each worker has a share of the lower half, which is all that IPv4 has.
uint32_t fragment_id(struct core *c) {
	uint32_t share = IDS / c->n_workers;
	uint32_t n = c->frags.count++;

	return n / share * IDS + c->id * share + n % share;
}

// What tells the sessions of one address and port pair apart is in TCP's and UDP's header; of ICMP it is type and code that
// the later fragments must know.
static void read_first(struct pkt *p) {
	const struct rte_udp_hdr *udp = p->l4;

	parse_first(p);
	if (p->verdict != VERDICT_NONE || p->proto == SLB_PROTO_TCP)
		return;
	if (p->proto == SLB_PROTO_UDP)
		p->flags |= udp->dgram_cksum == 0 ? PKT_BARE : 0;
	else
		memcpy(&p->key.sport_be, p->l4, sizeof(p->key.sport_be));
}

// Drops one that cannot be part of a datagram.
static void check_form(struct pkt *p, const struct frag_fields *f) {
	if (!(p->flags & PKT_LATER))
		read_first(p);
	if (p->verdict != VERDICT_NONE)
		return;
	if (p->l4_len == 0 || (f->more && p->l4_len % 8 != 0) || f->from + p->l4_len > UINT16_MAX)
		pkt_drop(p, SLB_DROP_BAD_LENGTH);
}

// What was handed over is at home.
static bool is_home(struct core *c, struct pkt *p, uint32_t id, enum source from) {
	struct ipaddr dst = pkt_dst(p);
	uint16_t home = owner_of_fragment(c->owners, p);

	if (home == OWNER_NONE && !vs_is_vip(c->vs_index, dst)) {
		pkt_drop(p, SLB_DROP_NOT_FOR_US);
		return false;
	}
	if (home == OWNER_NONE)
		home = spread_worker(c, pkt_src(p), dst, id);
	if (home == c->id || from == FROM_WORKER)
		return true;
	pkt_decide(p, VERDICT_HANDOFF, home);
	return false;
}

static void drop_held(struct core *c, struct datagram *d, enum slb_drop reason) {
	struct rte_mbuf *m;

	while ((m = frag_release(&c->frags, d)) != NULL) {
		core_count_drop(c, reason);
		mbuf_free(m);
	}
}

static void forget_oldest(struct core *c, enum slb_drop reason) {
	drop_held(c, frag_oldest(&c->frags), reason);
	frag_remove_oldest(&c->frags);
}

void fragment_expire(struct core *c, uint32_t budget) {
	for (; budget > 0; budget--) {
		const struct datagram *d = frag_oldest(&c->frags);
		if (d == NULL || c->now - d->born < clock_ticks_from_s(FRAG_SECONDS))
			break;
		forget_oldest(c, SLB_DROP_FRAGMENT_TIMEOUT);
	}
}

void fragment_close(struct core *c) {
	struct datagram *d;

	for (; (d = frag_oldest(&c->frags)) != NULL; frag_remove_oldest(&c->frags))
		for (struct rte_mbuf *m; (m = frag_release(&c->frags, d)) != NULL;)
			mbuf_free(m);
}

// Behind a datagram of which all has come begins another of the same name: with 16 bits, IPv4's identifications come round soon.
// NULL: there is no room for a single one.
static struct datagram *datagram_of(struct core *c, const struct pkt *p, uint32_t id) {
	struct frag_table *t = &c->frags;
	struct frag_key key = {.src = pkt_src(p), .dst = pkt_dst(p), .id = id, .kind = p->kind};
	struct datagram *d = frag_find(t, &key);

	if (t->capacity == 0 || (d != NULL && (d->condemned || !cover_is_whole(&d->cover))))
		return d;
	if (frag_is_full(t))
		forget_oldest(c, SLB_DROP_FRAGMENT_LIMIT);
	d = frag_add(t, &key, c->now);
	d->id = fragment_id(c);
	return d;
}

static void condemn(struct core *c, struct datagram *d, enum slb_drop reason) {
	d->condemned = true;
	d->reason = reason;
	drop_held(c, d, reason);
}

// False: dropped, for what it is to the fragments that came before.
static bool fits(struct core *c, struct datagram *d, struct pkt *p, const struct frag_fields *f) {
	enum cover_result result;

	if (d->condemned) {
		pkt_drop(p, d->reason);
		return false;
	}
	result = cover_check(&d->cover, f->from, (uint16_t)(f->from + p->l4_len), !f->more);
	if (result == COVER_NEW)
		return true;
	if (result == COVER_WRONG)
		condemn(c, d, SLB_DROP_FRAGMENT_OVERLAP);
	if (result == COVER_FULL)
		condemn(c, d, SLB_DROP_FRAGMENT_LIMIT);
	pkt_drop(p, result == COVER_FULL ? SLB_DROP_FRAGMENT_LIMIT : SLB_DROP_FRAGMENT_OVERLAP);
	return false;
}

static void release(struct core *c, struct datagram *d) {
	const struct note note = {
		.flags = NOTE_PORTS | (d->flags & PKT_BARE ? NOTE_BARE : 0),
		.sport_be = d->sport_be,
		.dport_be = d->dport_be,
	};
	struct rte_mbuf *m;

	while ((m = frag_release(&c->frags, d)) != NULL) {
		note_write(m, note);
		if (extra_again(&c->extra, m))
			continue;
		core_count_drop(c, SLB_DROP_FRAGMENT_LIMIT);
		mbuf_free(m);
	}
}

static void learn(struct core *c, struct datagram *d, struct pkt *p) {
	p->flags |= PKT_PORTS_KNOWN;
	d->flags = p->flags & (PKT_PORTS_KNOWN | PKT_BARE);
	d->sport_be = p->key.sport_be;
	d->dport_be = p->key.dport_be;
	release(c, d);
}

static void tell(const struct datagram *d, struct pkt *p) {
	p->flags |= d->flags;
	p->key.sport_be = d->sport_be;
	p->key.dport_be = d->dport_be;
}

static void at_home(struct core *c, struct pkt *p, const struct frag_fields *f) {
	struct datagram *d = datagram_of(c, p, f->id);

	if (d == NULL) {
		pkt_drop(p, SLB_DROP_FRAGMENT_LIMIT);
		return;
	}
	if (!fits(c, d, p, f))
		return;
	if (!(p->flags & PKT_LATER)) {
		learn(c, d, p);
	} else if (d->flags & PKT_PORTS_KNOWN) {
		tell(d, p);
	} else if (frag_hold(&c->frags, d, p->m, p->ip_len)) {
		pkt_decide(p, VERDICT_HELD, 0);
	} else {
		// It is as if it had not come.
		pkt_drop(p, SLB_DROP_FRAGMENT_LIMIT);
		return;
	}
	cover_add(&d->cover, f->from, (uint16_t)(f->from + p->l4_len), !f->more);
	frag_set_id(p, d->id);
}

static void fragment_one(struct core *c, struct pkt *p, enum source from) {
	struct frag_fields f = frag_fields(p);

	check_form(p, &f);
	if (p->verdict != VERDICT_NONE || p->flags & PKT_PORTS_KNOWN)
		return;
	if (is_home(c, p, f.id, from))
		at_home(c, p, &f);
}

void fragment(struct core *c, struct burst *b, enum source from) {
	for (uint16_t i = 0; i < b->n_live; i++) {
		struct pkt *p = &b->pkts[b->live[i]];
		if (p->flags & PKT_FRAGMENT)
			fragment_one(c, p, from);
	}
	burst_sift(b);
}

// No two sessions have the same replies at a time, and a local endpoint comes again when the RS's others have had their turn.
static uint64_t replies_of(const struct core *c, const struct session *s) {
	return session_key_hash(&c->sessions.seed, session_key_of_entry(s, DIR_OUT));
}

void fragment_remember(struct core *c, const struct pkt *p) {
	uint32_t id = frag_fields(p).id;

	*frag_question(&c->frags, id) = (struct frag_question){
		.id = id,
		.session = session_id(&c->sessions, p->session),
		.replies = replies_of(c, p->session),
	};
}

static bool is_of(const struct session *s, const struct pkt *p) {
	return s->kind[DIR_IN] == p->kind && memcmp(&s->key[DIR_IN], &p->key, sizeof(p->key)) == 0
		&& (!pkt_is_v6(p)
		    || memcmp(session_addrs(s)->addr[DIR_IN], pkt_addrs6(p), 2 * IP6_BYTES) == 0);
}

// The session may have ended, and its entry be another's, even one of the same client and VS: that one's RS has not had the
// first fragment.
bool fragment_recall(struct core *c, struct pkt *p) {
	uint32_t id = frag_fields(p).id;
	const struct frag_question *q = frag_question(&c->frags, id);
	struct session *s;

	if (q->id != id || q->session == FRAG_NIL)
		return false;
	s = &c->sessions.entries[q->session];
	if (!is_of(s, p) || replies_of(c, s) != q->replies)
		return false;
	p->session = s;
	p->dir = DIR_IN;
	return true;
}
