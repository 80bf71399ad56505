// SPDX-License-Identifier: BSD-3-Clause

#include "admin/text.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>

const char *endpoint_text(const struct slb_endpoint *e, char buf[ENDPOINT_TEXT]) {
	char addr[INET6_ADDRSTRLEN] = "?";
	const char *proto = "";

	inet_ntop(e->addr.family == 6 ? AF_INET6 : AF_INET, e->addr.bytes, addr, sizeof(addr));
	if (e->proto == SLB_PROTO_TCP)
		proto = "/tcp";
	else if (e->proto == SLB_PROTO_UDP)
		proto = "/udp";
	snprintf(
		buf, ENDPOINT_TEXT, e->addr.family == 6 ? "[%s]:%u%s" : "%s:%u%s", addr,
		ntohs(e->port_be), proto
	);
	return buf;
}

int refuse(
	struct slb_refused *refused, int code, enum slb_refusal reason, const char *format, ...
) {
	va_list args;

	refused->reason = (uint16_t)reason;
	va_start(args, format);
	vsnprintf(refused->text, sizeof(refused->text), format, args);
	va_end(args);
	return -code;
}
