// SPDX-License-Identifier: BSD-3-Clause

#include "path/tcp_option.h"

#include "path/csum.h"
#include "path/proxy_protocol.h"

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <string.h>

enum {
	MSS_BYTES = 4, // kind, length, value
	MSS_LEAST = 64, // an MTU that allows less is not believed
};

// What fits into a packet that leaves in a direction, without options.
static uint32_t room(const struct core *c, const struct session *s, enum direction dir) {
	const struct hop *hop = &c->fwd->hops[s->hop[dir]];
	uint32_t headers = (uint32_t)sizeof(struct rte_tcp_hdr)
		+ (session_is_v6(s, !dir) ? (uint32_t)sizeof(struct rte_ipv6_hdr)
					  : (uint32_t)sizeof(struct rte_ipv4_hdr));

	if (hop->state != HOP_READY || hop->mtu < headers + MSS_LEAST)
		return UINT16_MAX;
	return hop->mtu - headers;
}

// The announcer's peer sends its segments out of the one side, and they came in by the other.
static uint16_t limit(const struct core *c, const struct session *s) {
	if (c->tcp_mss != SLB_MSS_AUTO)
		return c->tcp_mss;
	return (uint16_t)RTE_MIN(room(c, s, DIR_IN), room(c, s, DIR_OUT));
}

// header: what is put in front of a segment's data, beyond what it announces.
static void lower(struct rte_tcp_hdr *tcp, uint32_t at, uint32_t most, uint32_t header) {
	uint8_t *value = (uint8_t *)tcp + at;
	uint16_t was, is;

	memcpy(&was, value, sizeof(was));
	most = RTE_MIN(most, (uint32_t)rte_be_to_cpu_16(was));
	if (most >= MSS_LEAST + header)
		most -= header;
	is = rte_cpu_to_be_16((uint16_t)most);
	if (is == was)
		return;
	memcpy(value, &is, sizeof(is));
	// At an odd place high and low byte belong to two words (RFC 1071, 2.B).
	if (at & 1) {
		was = rte_bswap16(was);
		is = rte_bswap16(is);
	}
	tcp->cksum = csum_apply(tcp->cksum, csum_replace16(was, is));
}

// Every one of them: which of two an end believes is not known here.
void tcp_clamp_mss(const struct core *c, struct pkt *p) {
	struct tcp_option o = TCP_OPTIONS_START;
	uint32_t header = 0, most = UINT16_MAX;

	if (p->dir == DIR_OUT && p->session->extras & SESSION_PROXY)
		header = proxy_bytes(p->session);
	if (c->tcp_mss != SLB_MSS_OFF)
		most = limit(c, p->session);
	else if (header == 0)
		return;
	while (tcp_option_next(p->l4, &o))
		if (o.kind == TCP_OPTION_MSS && o.len == MSS_BYTES)
			lower(p->l4, o.at + 2, most, header);
}
