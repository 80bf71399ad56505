// SPDX-License-Identifier: BSD-3-Clause

#include "fuzz/trace.h"

#include <arpa/inet.h>
#include <stdio.h>

bool trace_on;

static const char *const VERDICTS[] = {
	[0] = "NONE",
	[HARNESS_TX] = "TX",
	[HARNESS_PUNT] = "PUNT",
	[HARNESS_HANDOFF] = "HANDOFF",
	[HARNESS_DROP] = "DROP",
	[HARNESS_HELD] = "HELD",
};

static void put_hex(const struct harness_packet *p) {
	for (uint32_t i = 0; i < p->len; i++)
		printf("%02x", p->data[i]);
}

void trace_packet(
	uint16_t worker, const struct harness_packet *in, const struct harness_packet *out
) {
	if (!trace_on)
		return;
	if (in != NULL) {
		printf("packet %u %u %u %u ", worker, in->port, in->segments, in->handed);
		put_hex(in);
	} else {
		printf("of worker %u's own", worker);
	}
	printf(" -> %s %u ",
	       out->verdict < sizeof(VERDICTS) / sizeof(VERDICTS[0]) ? VERDICTS[out->verdict]
								     : "UNKNOWN",
	       out->arg);
	put_hex(out);
	printf("\n");
	fflush(stdout);
}

static void put_endpoint(const struct slb_endpoint *e) {
	char text[INET6_ADDRSTRLEN] = "";

	inet_ntop(e->addr.family == 4 ? AF_INET : AF_INET6, e->addr.bytes, text, sizeof(text));
	printf(e->addr.family == 4 ? " %s:%u" : " [%s]:%u", text, ntohs(e->port_be));
}

void trace_change(const struct slb_op *op) {
	static const char *const OPS[] = {
		[SLB_OP_VS_ADD] = "VS_ADD",   [SLB_OP_VS_EDIT] = "VS_EDIT",
		[SLB_OP_VS_DEL] = "VS_DEL",   [SLB_OP_RS_ADD] = "RS_ADD",
		[SLB_OP_RS_EDIT] = "RS_EDIT", [SLB_OP_RS_DEL] = "RS_DEL",
	};

	if (!trace_on)
		return;
	printf("change %s", OPS[op->kind]);
	put_endpoint(&op->vs);
	printf("/%s", op->vs.proto == SLB_PROTO_TCP ? "tcp" : "udp");
	if (op->kind >= SLB_OP_RS_ADD)
		put_endpoint(&op->rs);
	printf(" weight %u scheduler %u one_packet %u client_address %u syn_proxy %u", op->weight,
	       op->scheduler, op->one_packet, op->client_address, op->syn_proxy);
	for (int state = 0; state < SLB_STATE_COUNT; state++)
		printf("%s%u", state == 0 ? " timeouts " : ",", op->timeout_s[state]);
	printf("\n");
	fflush(stdout);
}

void trace_step(const char *what, uint32_t number) {
	if (trace_on) {
		printf("%s %u\n", what, number);
		fflush(stdout);
	}
}
