// SPDX-License-Identifier: BSD-3-Clause

#include "path/session_scan.h"

#include "base/clock.h"
#include "path/lifecycle.h"
#include "path/session_walk.h"

static bool matches(
	const struct slb_endpoint *want, struct ipaddr addr, uint16_t port_be, uint8_t proto
) {
	if (want->addr.family != 0 && !ipaddr_equal(ipaddr_from_address(&want->addr), addr))
		return false;
	if (want->port_be != 0 && want->port_be != port_be)
		return false;
	return want->proto == 0 || want->proto == proto;
}

static bool selected(const struct slb_session_filter *f, const struct session *s) {
	const struct flow_key *in = &s->key[DIR_IN];
	const struct flow_key *out = &s->key[DIR_OUT];
	uint8_t proto = session_proto(s);

	return matches(&f->client, session_src(s, DIR_IN), in->sport_be, proto)
		&& matches(&f->vs, session_dst(s, DIR_IN), in->dport_be, proto)
		&& matches(&f->rs, session_src(s, DIR_OUT), out->sport_be, proto);
}

static void describe(const struct core *c, const struct session *s, struct slb_session_info *info) {
	const struct flow_key *in = &s->key[DIR_IN];
	const struct flow_key *out = &s->key[DIR_OUT];
	uint32_t due = session_due(c, s);
	uint8_t proto = session_proto(s);

	*info = (struct slb_session_info){
		.client = ipaddr_endpoint(session_src(s, DIR_IN), in->sport_be, proto),
		.vs = ipaddr_endpoint(session_dst(s, DIR_IN), in->dport_be, proto),
		.local = ipaddr_endpoint(session_dst(s, DIR_OUT), out->dport_be, proto),
		.rs = ipaddr_endpoint(session_src(s, DIR_OUT), out->sport_be, proto),
		.worker = c->id,
		.state = s->state,
		.idle_ms = clock_ms_from_ticks(c->now - s->seen),
		.expires_ms = clock_reached(c->now, due) ? 0 : clock_ms_from_ticks(due - c->now),
	};
}

bool session_scan(const struct core *c, struct session_scan *scan) {
	for (uint32_t looks = 0; looks < WALK_LOOKS; looks++) {
		const struct session *s = session_walk_next(&c->sessions, &scan->next, scan->end);
		if (s == NULL)
			return true;
		if (s->kind[DIR_IN] == 0 || !selected(&scan->filter, s))
			continue;
		describe(c, s, &scan->out[scan->n]);
		if (++scan->n == scan->cap)
			return true;
		looks += WALK_DEAR - 1;
	}
	return false;
}
