// SPDX-License-Identifier: BSD-3-Clause
// What full NAT makes of the headers of a session's packet, in place: it takes the place of one travelling against the other
// side's key.
#pragma once

#include "path/csum.h"
#include "path/fwd.h"
#include "path/session.h"
#include "path/tcp_number.h"

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <rte_udp.h>
#include <stddef.h>
#include <string.h>

// What the packet's source and destination are taken from.
static inline const struct flow_key *nat_to(const struct session *s, uint8_t dir) {
	return &s->key[dir_opposite(dir)];
}

// All ones for a reply, whose deltas are the inverse.
static inline uint16_t nat_turn(uint8_t dir) {
	return (uint16_t)-dir;
}

static inline void nat_macs(struct rte_mbuf *m, const struct hop *hop) {
	_Static_assert(
		offsetof(struct hop, dst_mac) == 0 && offsetof(struct hop, src_mac) == 6,
		"they stand as in the header"
	);
	memcpy(rte_pktmbuf_mtod(m, void *), hop, 2 * RTE_ETHER_ADDR_LEN);
}

static inline void nat_ipv4(struct rte_ipv4_hdr *ip, const struct flow_key *to, uint16_t delta) {
	uint64_t both;

	// Its source is the other key's destination, and the other way round.
	memcpy(&both, &to->src_be, sizeof(both));
	both = both << 32 | both >> 32;
	memcpy(&ip->src_addr, &both, sizeof(both));
	ip->time_to_live--;
	ip->hdr_checksum = csum_apply(ip->hdr_checksum, (uint32_t)delta + csum_one_ttl_less());
}

static inline void nat_ipv6(struct pkt *p, const struct session *s) {
	const struct session_addrs *to = session_addrs(s);
	const uint8_t dir = dir_opposite(p->dir);
	uint8_t *addrs = pkt_addrs6(p);

	memcpy(addrs, to->addr[dir][1], IP6_BYTES);
	memcpy(addrs + IP6_BYTES, to->addr[dir][0], IP6_BYTES);
	p->ip6->hop_limits--;
}

// TCP and UDP begin with them.
static inline void nat_ports(void *l4, const struct flow_key *to) {
	uint32_t both;

	memcpy(&both, &to->sport_be, sizeof(both));
	both = both << 16 | both >> 16;
	memcpy(l4, &both, sizeof(both));
}

static inline void nat_udp(struct rte_udp_hdr *udp, const struct flow_key *to, uint16_t delta) {
	nat_ports(udp, to);
	udp->dgram_cksum = csum_apply_udp(udp->dgram_cksum, delta);
}

// Of a session without extras.
static inline void nat_tcp(
	const struct session *s, const struct pkt *p, const struct flow_key *to, uint32_t delta
) {
	struct rte_tcp_hdr *tcp = p->l4;

	nat_ports(tcp, to);
	if (s->seq_delta | s->ts_delta)
		delta += tcp_shift(s, p);
	tcp->cksum = csum_apply(tcp->cksum, delta);
}
