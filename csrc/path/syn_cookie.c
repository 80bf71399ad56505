// SPDX-License-Identifier: BSD-3-Clause
// The sequence number: 27 bits of the hash, 2 of the number of the period, 3 that say which MSS. The time stamp: 27 other bits of the hash,
// 1 for SACK, 4 for the window scale. All that is kept is hashed too.

#include "path/syn_cookie.h"

#include "base/clock.h"

#include <rte_byteorder.h>

enum { MSS_BITS = 3, PERIOD_BITS = 2, SCALE_BITS = 4, KEPT_BITS = 5 };

#define BITS(n) ((1u << (n)) - 1)

// What clients announce: without an option (RFC 9293, 3.7.1), over tunnels of some kinds, over Ethernet, over jumbo frames.
static const uint16_t MSS[1 << MSS_BITS] = {88, 536, 1220, 1300, 1380, 1440, 1460, 8940};

struct input {
	uint64_t addrs[4];
	uint32_t ports;
	uint32_t isn;
	uint32_t period;
	uint16_t mss; // its place in the table
	uint16_t kept; // the time stamp's lowest bits, or one more than they can be
};

_Static_assert(sizeof(struct input) == 48, "no holes");

static uint32_t mss_place(uint16_t mss) {
	uint32_t place = BITS(MSS_BITS);

	while (place > 0 && MSS[place] > mss)
		place--;
	return place;
}

static struct syn_cookie cookie(const struct core *c, const struct pkt *p, struct input in) {
	struct ipaddr src = pkt_src(p), dst = pkt_dst(p);
	uint64_t hash;

	in.addrs[0] = src.hi;
	in.addrs[1] = src.lo;
	in.addrs[2] = dst.hi;
	in.addrs[3] = dst.lo;
	in.ports = (uint32_t)p->key.sport_be << 16 | p->key.dport_be;
	hash = siphash(&c->cookie_key, &in, sizeof(in));
	return (struct syn_cookie){
		.seq = (uint32_t)hash << (PERIOD_BITS + MSS_BITS)
			| (in.period & BITS(PERIOD_BITS)) << MSS_BITS | in.mss,
		.stamp = ((uint32_t)(hash >> 32) & ~BITS(KEPT_BITS)) | (in.kept & BITS(KEPT_BITS)),
	};
}

static uint16_t kept_of(const struct tcp_offer *offer) {
	if (!offer->stamps)
		return 1 << KEPT_BITS;
	return (uint16_t)(offer->scale | (offer->sack ? 1 << SCALE_BITS : 0));
}

struct syn_cookie syn_cookie_make(
	const struct core *c, const struct pkt *p, const struct tcp_offer *offer
) {
	const struct rte_tcp_hdr *tcp = p->l4;
	// Without an option it is what every host takes (RFC 9293, 3.7.1).
	uint16_t unsaid = pkt_is_v6(p) ? 1220 : 536;

	return cookie(
		c, p,
		(struct input){
			.isn = rte_be_to_cpu_32(tcp->sent_seq),
			.period = c->now / SYN_COOKIE_TICKS,
			.mss = (uint16_t)mss_place(offer->mss != 0 ? offer->mss : unsaid),
			.kept = kept_of(offer),
		}
	);
}

static bool matches(const struct tcp_offer *offer, struct syn_cookie made, uint32_t seq) {
	return made.seq == seq && (!offer->stamps || made.stamp == offer->tsecr);
}

bool syn_cookie_read(
	const struct core *c, const struct pkt *p, uint32_t *isn, struct syn_cookie *found,
	struct tcp_offer *offer
) {
	const struct rte_tcp_hdr *tcp = p->l4;
	uint32_t seq = rte_be_to_cpu_32(tcp->recv_ack) - 1;
	uint32_t period = c->now / SYN_COOKIE_TICKS;
	uint32_t age = (period - (seq >> MSS_BITS)) & BITS(PERIOD_BITS);
	struct input in = {.period = period - age, .mss = seq & BITS(MSS_BITS)};

	*offer = tcp_offer_read(tcp);
	offer->mss = MSS[in.mss];
	in.kept = offer->stamps ? offer->tsecr & BITS(KEPT_BITS) : 1 << KEPT_BITS;
	offer->scale = offer->stamps ? in.kept & BITS(SCALE_BITS) : TCP_NO_SCALE;
	offer->sack = offer->stamps && in.kept >> SCALE_BITS != 0;
	if (age > 1)
		return false;
	// The next byte is expected, or a probe of the closed window repeats the last one (RFC 9293, 3.8.6.1), which is the SYN.
	for (int back = 1; back >= 0; back--) {
		in.isn = rte_be_to_cpu_32(tcp->sent_seq) - (uint32_t)back;
		*isn = in.isn;
		*found = cookie(c, p, in);
		if (matches(offer, *found, seq))
			return true;
	}
	return false;
}
