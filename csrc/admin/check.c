// SPDX-License-Identifier: BSD-3-Clause

#include "admin/check.h"

#include "admin/laddrs.h"
#include "admin/text.h"
#include "base/clock.h"

#include <errno.h>

static bool is_rs_op(const struct slb_op *op) {
	return op->kind >= SLB_OP_RS_ADD;
}

static int check_endpoint(
	const struct slb_endpoint *e, const char *what, struct slb_refused *refused
) {
	struct ipaddr addr = ipaddr_from_address(&e->addr);
	char text[ENDPOINT_TEXT];

	if (e->addr.family != 4 && e->addr.family != 6)
		return refuse(
			refused, EINVAL, SLB_REFUSED_BAD_ADDRESS,
			"%s: address family %u is neither 4 nor 6", what, e->addr.family
		);
	if (!ipaddr_is_routable(addr) || ipaddr_is_v4(addr) != (e->addr.family == 4))
		return refuse(
			refused, EINVAL, SLB_REFUSED_BAD_ADDRESS,
			"%s %s: not a unicast address that routes can lead to", what,
			endpoint_text(e, text)
		);
	if (e->port_be == 0)
		return refuse(
			refused, EINVAL, SLB_REFUSED_BAD_VALUE, "%s %s: port 0 is not a port", what,
			endpoint_text(e, text)
		);
	return 0;
}

// Neither a VIP nor an RS may be an address that the engine itself answers for.
static int check_not_ours(
	const struct admin *a, const struct slb_endpoint *e, const char *what,
	struct slb_refused *refused
) {
	struct ipaddr addr = ipaddr_from_address(&e->addr);
	char text[ENDPOINT_TEXT];

	if (laddr_slot(a, addr) < SLB_MAX_LADDRS)
		return refuse(
			refused, EINVAL, SLB_REFUSED_ADDRESS_IN_USE,
			"%s %s: the address is one of the local addresses", what,
			endpoint_text(e, text)
		);
	for (uint32_t i = 0; i < a->n_own; i++)
		if (ipaddr_equal(ipaddr_from_address(&a->own[i].addr), addr))
			return refuse(
				refused, EINVAL, SLB_REFUSED_ADDRESS_IN_USE,
				"%s %s: the address is this host's own", what,
				endpoint_text(e, text)
			);
	return 0;
}

static int check_values(const struct slb_op *op, struct slb_refused *refused) {
	if (op->kind < SLB_OP_VS_ADD || op->kind > SLB_OP_RS_DEL)
		return refuse(
			refused, EINVAL, SLB_REFUSED_BAD_VALUE, "operation kind %u does not exist",
			op->kind
		);
	if (op->vs.proto != SLB_PROTO_TCP && op->vs.proto != SLB_PROTO_UDP)
		return refuse(
			refused, EINVAL, SLB_REFUSED_BAD_VALUE, "protocol %u: a VS is TCP or UDP",
			op->vs.proto
		);
	if ((op->kind == SLB_OP_VS_ADD || op->kind == SLB_OP_VS_EDIT)
	    && op->scheduler >= SLB_SCHED_COUNT)
		return refuse(
			refused, EINVAL, SLB_REFUSED_BAD_VALUE, "scheduler %u does not exist",
			op->scheduler
		);
	if (op->one_packet > 1 || (op->one_packet == 1 && op->vs.proto != SLB_PROTO_UDP))
		return refuse(
			refused, EINVAL, SLB_REFUSED_BAD_VALUE,
			"one_packet is for a UDP service only"
		);
	if (op->client_address >= SLB_CLIENT_ADDRESS_COUNT)
		return refuse(
			refused, EINVAL, SLB_REFUSED_BAD_VALUE, "client_address %u does not exist",
			op->client_address
		);
	if (op->client_address != SLB_CLIENT_ADDRESS_NONE && op->vs.proto != SLB_PROTO_TCP)
		return refuse(
			refused, EINVAL, SLB_REFUSED_BAD_VALUE,
			"client_address is for a TCP service only"
		);
	if (op->syn_proxy > 1 || (op->syn_proxy == 1 && op->vs.proto != SLB_PROTO_TCP))
		return refuse(
			refused, EINVAL, SLB_REFUSED_BAD_VALUE,
			"syn_proxy is for a TCP service only"
		);
	if (op->syn_proxy == 1 && op->client_address != SLB_CLIENT_ADDRESS_NONE)
		return refuse(
			refused, EINVAL, SLB_REFUSED_BAD_VALUE,
			"a service has client_address or syn_proxy, not both"
		);
	for (int state = 0; state < SLB_STATE_COUNT; state++)
		if (op->timeout_s[state] > CLOCK_MAX_S)
			return refuse(
				refused, EINVAL, SLB_REFUSED_BAD_VALUE,
				"timeout of %u s: at most %d", op->timeout_s[state], CLOCK_MAX_S
			);
	if ((op->kind == SLB_OP_RS_ADD || op->kind == SLB_OP_RS_EDIT)
	    && op->weight > SLB_MAX_WEIGHT)
		return refuse(
			refused, EINVAL, SLB_REFUSED_BAD_VALUE, "weight %u: at most %d", op->weight,
			SLB_MAX_WEIGHT
		);
	return 0;
}

// A session needs a local address of its RS's family on its worker.
static int check_reachable(
	const struct admin *a, const struct slb_endpoint *rs, struct slb_refused *refused
) {
	enum laddr_family family = rs->addr.family == 6 ? LADDR_V6 : LADDR_V4;
	char text[ENDPOINT_TEXT];

	for (uint16_t w = 0; w < a->n_workers; w++)
		if (laddrs_of_worker(a, w, family) == 0)
			return refuse(
				refused, EINVAL, SLB_REFUSED_NO_LOCAL_ADDRESS,
				"RS %s: worker %u has no IPv%u local address; add one to a port's "
				"local_addresses",
				endpoint_text(rs, text), w, rs->addr.family
			);
	return 0;
}

// Between IPv4 and IPv4 a session is kept elsewhere than with IPv6 on a side.
static int check_room(const struct admin *a, const struct slb_op *op, struct slb_refused *refused) {
	const struct session_region *wide = &a->cores[0]->sessions.regions[SESSION_WIDE];
	char text[ENDPOINT_TEXT];

	if ((op->vs.addr.family == 4 && op->rs.addr.family == 4) || wide->end > wide->first)
		return 0;
	return refuse(
		refused, EINVAL, SLB_REFUSED_NO_SESSIONS,
		"RS %s: there is no room for sessions with IPv6; set engine.sessions6",
		endpoint_text(&op->rs, text)
	);
}

int check_op(const struct admin *a, const struct slb_op *op, struct slb_refused *refused) {
	int rc = check_values(op, refused);

	if (rc == 0)
		rc = check_endpoint(&op->vs, "VS", refused);
	if (rc == 0 && is_rs_op(op))
		rc = check_endpoint(&op->rs, "RS", refused);
	if (rc == 0 && op->kind == SLB_OP_VS_ADD)
		rc = check_not_ours(a, &op->vs, "VS", refused);
	if (rc == 0 && op->kind == SLB_OP_RS_ADD)
		rc = check_not_ours(a, &op->rs, "RS", refused);
	if (rc == 0 && op->kind == SLB_OP_RS_ADD)
		rc = check_reachable(a, &op->rs, refused);
	if (rc == 0 && op->kind == SLB_OP_RS_ADD)
		rc = check_room(a, op, refused);
	return rc;
}

int check_vs_exists(const struct slb_op *op, bool exists, struct slb_refused *refused) {
	char text[ENDPOINT_TEXT];

	if (op->kind == SLB_OP_VS_ADD && exists)
		return refuse(
			refused, EEXIST, SLB_REFUSED_VS_EXISTS, "VS %s exists already",
			endpoint_text(&op->vs, text)
		);
	if (op->kind != SLB_OP_VS_ADD && !exists)
		return refuse(
			refused, ENOENT, SLB_REFUSED_VS_UNKNOWN, "VS %s does not exist",
			endpoint_text(&op->vs, text)
		);
	return 0;
}

int check_rs(
	const struct admin_vs *vs, bool exists, const struct slb_op *op, struct slb_refused *refused
) {
	char vs_text[ENDPOINT_TEXT], rs_text[ENDPOINT_TEXT];

	endpoint_text(&op->vs, vs_text);
	endpoint_text(&op->rs, rs_text);
	if (op->kind == SLB_OP_RS_ADD && exists)
		return refuse(
			refused, EEXIST, SLB_REFUSED_RS_EXISTS, "RS %s exists already in VS %s",
			rs_text, vs_text
		);
	if (op->kind != SLB_OP_RS_ADD && !exists)
		return refuse(
			refused, ENOENT, SLB_REFUSED_RS_UNKNOWN, "RS %s does not exist in VS %s",
			rs_text, vs_text
		);
	if (op->kind == SLB_OP_RS_ADD && vs->n_rs == SLB_MAX_RS_PER_VS)
		return refuse(
			refused, ENOSPC, SLB_REFUSED_RS_FULL,
			"VS %s has %d RS already, the most a VS takes", vs_text, SLB_MAX_RS_PER_VS
		);
	if (op->kind == SLB_OP_RS_ADD && ipaddr_equal(vs->addr, ipaddr_from_address(&op->rs.addr)))
		return refuse(
			refused, EINVAL, SLB_REFUSED_BAD_ADDRESS,
			"RS %s: the address is the VS's own", rs_text
		);
	return 0;
}
