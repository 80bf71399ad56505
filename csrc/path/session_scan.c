// SPDX-License-Identifier: BSD-3-Clause

#include "path/session_scan.h"

#include "base/clock.h"
#include "path/lifecycle.h"

#include <string.h>

static struct slb_endpoint endpoint_of(uint32_t addr_be, uint16_t port_be, uint8_t proto) {
	struct slb_endpoint e = {.addr.family = 4, .port_be = port_be, .proto = proto};

	memcpy(e.addr.bytes, &addr_be, sizeof(addr_be));
	return e;
}

static bool matches(
	const struct slb_endpoint *want, uint32_t addr_be, uint16_t port_be, uint8_t proto
) {
	if (want->addr.family != 0
	    && (want->addr.family != 4 || memcmp(want->addr.bytes, &addr_be, sizeof(addr_be)) != 0))
		return false;
	if (want->port_be != 0 && want->port_be != port_be)
		return false;
	return want->proto == 0 || want->proto == proto;
}

static bool selected(const struct slb_session_filter *f, const struct session *s) {
	const struct flow_key *in = &s->key[DIR_IN];
	const struct flow_key *out = &s->key[DIR_OUT];

	return matches(&f->client, in->src_be, in->sport_be, s->proto)
		&& matches(&f->vs, in->dst_be, in->dport_be, s->proto)
		&& matches(&f->rs, out->src_be, out->sport_be, s->proto);
}

static void describe(const struct core *c, const struct session *s, struct slb_session_info *info) {
	const struct flow_key *in = &s->key[DIR_IN];
	const struct flow_key *out = &s->key[DIR_OUT];
	uint32_t due = session_due(c, s);

	*info = (struct slb_session_info){
		.client = endpoint_of(in->src_be, in->sport_be, s->proto),
		.vs = endpoint_of(in->dst_be, in->dport_be, s->proto),
		.local = endpoint_of(out->dst_be, out->dport_be, s->proto),
		.rs = endpoint_of(out->src_be, out->sport_be, s->proto),
		.worker = c->id,
		.state = s->state,
		.idle_ms = clock_ms_from_ticks(c->now - s->seen),
		.expires_ms = clock_reached(c->now, due) ? 0 : clock_ms_from_ticks(due - c->now),
	};
}

static bool is_live(const struct session *s) {
	return s->proto != 0;
}

bool session_scan(const struct core *c, struct session_scan *scan, uint32_t budget) {
	uint32_t end = scan->end < c->sessions.fresh ? scan->end : c->sessions.fresh;

	for (; budget > 0 && scan->next < end; budget--) {
		const struct session *s = &c->sessions.entries[scan->next++];
		if (!is_live(s) || !selected(&scan->filter, s))
			continue;
		if (scan->out != NULL)
			describe(c, s, &scan->out[scan->n]);
		if (++scan->n == scan->cap)
			return true;
	}
	return scan->next >= end;
}
