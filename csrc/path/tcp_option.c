// SPDX-License-Identifier: BSD-3-Clause

#include "path/tcp_option.h"

#include "path/csum.h"
#include "path/proxy_protocol.h"

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <string.h>

enum {
	MSS_BYTES = 4, // kind, length, value
	SCALE_BYTES = 3,
	SACK_OK_BYTES = 2,
	STAMP_BYTES = 10,
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
uint16_t tcp_mss_limit(const struct core *c, const struct session *s) {
	if (c->tcp_mss == SLB_MSS_OFF)
		return UINT16_MAX;
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
		most = tcp_mss_limit(c, p->session);
	else if (header == 0)
		return;
	while (tcp_option_next(p->l4, &o))
		if (o.kind == TCP_OPTION_MSS && o.len == MSS_BYTES)
			lower(p->l4, o.at + 2, most, header);
}

static uint32_t number_at(const uint8_t *at, uint32_t bytes) {
	uint32_t number = 0;

	for (uint32_t i = 0; i < bytes; i++)
		number = number << 8 | at[i];
	return number;
}

static uint8_t *put_number(uint8_t *at, uint32_t number, uint32_t bytes) {
	for (uint32_t i = 0; i < bytes; i++)
		at[i] = (uint8_t)(number >> 8 * (bytes - 1 - i));
	return at + bytes;
}

// Of an option that comes twice the first counts, as in tcp_number().
struct tcp_offer tcp_offer_read(const struct rte_tcp_hdr *tcp) {
	struct tcp_offer offer = {.scale = TCP_NO_SCALE};
	struct tcp_option o = TCP_OPTIONS_START;

	while (tcp_option_next(tcp, &o)) {
		const uint8_t *value = (const uint8_t *)tcp + o.at + 2;
		if (o.kind == TCP_OPTION_MSS && o.len == MSS_BYTES && offer.mss == 0) {
			offer.mss = (uint16_t)number_at(value, 2);
		} else if (
			o.kind == TCP_OPTION_SCALE && o.len == SCALE_BYTES
			&& offer.scale == TCP_NO_SCALE
		) {
			offer.scale = RTE_MIN(value[0], (uint8_t)TCP_SCALE_MOST);
		} else if (o.kind == TCP_OPTION_SACK_OK && o.len == SACK_OK_BYTES) {
			offer.sack = true;
		} else if (
			o.kind == TCP_OPTION_TIMESTAMP && o.len == STAMP_BYTES && !offer.stamps
		) {
			offer.stamps = true;
			offer.tsval = number_at(value, 4);
			offer.tsecr = number_at(value + 4, 4);
		}
	}
	return offer;
}

uint8_t tcp_offer_write(uint8_t *at, const struct tcp_offer *offer) {
	const uint8_t *start = at;

	if (offer->mss != 0) {
		at = put_number(at, TCP_OPTION_MSS << 8 | MSS_BYTES, 2);
		at = put_number(at, offer->mss, 2);
	}
	if (offer->sack)
		at = put_number(at, TCP_OPTION_SACK_OK << 8 | SACK_OK_BYTES, 2);
	else if (offer->stamps)
		at = put_number(at, TCP_OPTION_NOP << 8 | TCP_OPTION_NOP, 2);
	if (offer->stamps) {
		at = put_number(at, TCP_OPTION_TIMESTAMP << 8 | STAMP_BYTES, 2);
		at = put_number(at, offer->tsval, 4);
		at = put_number(at, offer->tsecr, 4);
	}
	if (offer->scale != TCP_NO_SCALE) {
		at = put_number(at, TCP_OPTION_NOP, 1);
		at = put_number(at, TCP_OPTION_SCALE << 8 | SCALE_BYTES, 2);
		at = put_number(at, offer->scale, 1);
	}
	while ((at - start) % 4 != 0)
		*at++ = TCP_OPTION_NOP;
	return (uint8_t)(at - start);
}
