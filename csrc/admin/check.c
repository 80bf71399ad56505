// SPDX-License-Identifier: BSD-3-Clause

#include "admin/check.h"

#include "admin/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

static bool is_rs_op(const struct slb_op *op) {
	return op->kind >= SLB_OP_RS_ADD;
}

static int check_endpoint(
	const struct slb_endpoint *e, const char *what, struct slb_refused *refused
) {
	char text[ENDPOINT_TEXT];
	uint32_t addr;

	if (e->addr.family != 4)
		return refuse(
			refused, EINVAL, SLB_REFUSED_BAD_ADDRESS, "%s %s: only IPv4 is supported",
			what, endpoint_text(e, text)
		);
	memcpy(&addr, e->addr.bytes, sizeof(addr));
	addr = ntohl(addr);
	if (addr >> 24 == 0 || addr >> 24 == 127 || addr >> 28 >= 14)
		return refuse(
			refused, EINVAL, SLB_REFUSED_BAD_ADDRESS, "%s %s: not a unicast address",
			what, endpoint_text(e, text)
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
	char text[ENDPOINT_TEXT];
	uint32_t addr_be;

	memcpy(&addr_be, e->addr.bytes, sizeof(addr_be));
	if (owner_find(a->cores[0]->owners, addr_be) != OWNER_NONE)
		return refuse(
			refused, EINVAL, SLB_REFUSED_ADDRESS_IN_USE,
			"%s %s: the address is one of the local addresses", what,
			endpoint_text(e, text)
		);
	for (uint32_t i = 0; i < a->n_own; i++)
		if (memcmp(a->own[i].addr.bytes, &addr_be, sizeof(addr_be)) == 0)
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
	if ((op->kind == SLB_OP_RS_ADD || op->kind == SLB_OP_RS_EDIT)
	    && op->weight > SLB_MAX_WEIGHT)
		return refuse(
			refused, EINVAL, SLB_REFUSED_BAD_VALUE, "weight %u: at most %d", op->weight,
			SLB_MAX_WEIGHT
		);
	return 0;
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
	if (op->kind == SLB_OP_RS_ADD
	    && memcmp(&vs->addr_be, op->rs.addr.bytes, sizeof(vs->addr_be)) == 0)
		return refuse(
			refused, EINVAL, SLB_REFUSED_BAD_ADDRESS,
			"RS %s: the address is the VS's own", rs_text
		);
	return 0;
}
