// SPDX-License-Identifier: BSD-3-Clause

#include "admin/text.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>

const char *address_text(const struct slb_address *a, char buf[ADDRESS_TEXT]) {
	if (inet_ntop(a->family == 6 ? AF_INET6 : AF_INET, a->bytes, buf, ADDRESS_TEXT) == NULL)
		snprintf(buf, ADDRESS_TEXT, "?");
	return buf;
}

const char *endpoint_text(const struct slb_endpoint *e, char buf[ENDPOINT_TEXT]) {
	char addr[ADDRESS_TEXT];
	const char *proto = "";

	if (e->proto == SLB_PROTO_TCP)
		proto = "/tcp";
	else if (e->proto == SLB_PROTO_UDP)
		proto = "/udp";
	snprintf(
		buf, ENDPOINT_TEXT, e->addr.family == 6 ? "[%s]:%u%s" : "%s:%u%s",
		address_text(&e->addr, addr), ntohs(e->port_be), proto
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
