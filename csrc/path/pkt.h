// SPDX-License-Identifier: BSD-3-Clause
// A packet on its way through the stages, and the burst that carries it. Lives on the worker's stack, in its L1.
#pragma once

#include "base/ipaddr.h"
#include "slb.h"

#include <rte_mbuf_core.h>

struct session;
struct rte_ipv4_hdr;
struct rte_ipv6_hdr;

enum { BURST = 128 };

// What tells the sessions of one address and port pair apart: the protocol, and with this bit the family.
enum { KIND_V6 = 0x80 };

enum { PKT_ADDRS6_AT = 8 }; // in an IPv6 header: the source, and behind it the destination

// Of a TCP or UDP packet as it arrived; all in network order. An IPv6 packet has its addresses in its header, and
// zeros here.
struct flow_key {
	uint32_t src_be;
	uint32_t dst_be;
	uint16_t sport_be;
	uint16_t dport_be;
};

enum direction { DIR_IN = 0, DIR_OUT = 1 }; // client to RS, RS to client

static inline uint8_t dir_opposite(uint8_t dir) {
	return dir ^ 1;
}

enum verdict {
	VERDICT_NONE = 0,
	VERDICT_TX, // arg: port
	VERDICT_PUNT, // arg: enum punt_class
	VERDICT_HANDOFF, // arg: worker
	VERDICT_DROP, // arg: enum slb_drop
	VERDICT_HELD, // this worker keeps it for now
	VERDICT_MADE, // between the stages only: TX of what the packet has become, which is finished
};

enum punt_class { PUNT_OSPF = 0, PUNT_ARP, PUNT_OTHER, PUNT_COUNT };

enum pkt_flag {
	PKT_FRAGMENT = 1 << 0,
	PKT_MULTICAST = 1 << 1, // by its destination address
	PKT_PORTS_KNOWN = 1
		<< 2, // a fragment whose ports are in its key, though it may have no L4 header
	PKT_LATER = 1
		<< 3, // a fragment that is not the first: behind its IP header is no L4 header
	PKT_BARE = 1 << 4, // a fragment of a UDP datagram without checksum
	PKT_SPLIT = 1 << 5, // too long for the way it goes, to be sent in pieces
	PKT_TELL = 1 << 6, // a client's that tells the RS who that is
	PKT_BEHIND = 1 << 7, // a client's whose data is behind a PROXY header
};

// Where a packet comes from.
enum source {
	FROM_PORT = 0,
	FROM_WORKER, // another one handed it over, so it stays here
	FROM_HELD, // this worker had held it back
};

struct pkt {
	struct rte_mbuf *m;
	union {
		struct rte_ipv4_hdr *ip4;
		struct rte_ipv6_hdr *ip6; // when kind has KIND_V6
	};
	void *l4; // behind all IP options and extension headers
	struct session *session;
	// these eight bytes begin as zeros
	uint16_t arg;
	uint8_t flags; // enum pkt_flag
	uint8_t verdict;
	uint8_t dir;
	uint8_t asked; // workers that have looked for its session, while it is being searched
	uint8_t tcp_flags;
	uint8_t tag;
	struct flow_key key;
	uint32_t group; // index group of the key's hash
	uint16_t ip_len; // header and payload, as the IP header says
	uint16_t l4_len;
	uint8_t proto; // of the L4 header
	uint8_t kind; // proto and KIND_V6
	uint8_t ttl; // or hop limit
	uint8_t asker; // worker that asks the others for its session, counted from 1; 0: none does; admit() sees to it
};

_Static_assert(sizeof(struct pkt) == 64, "a packet's description is a cache line");

struct burst {
	uint16_t n;
	uint16_t n_live; // without a verdict so far
	uint16_t passed; // to be sent as they are now, by pass()
	uint8_t live[BURST]; // their places in pkts, in order of arrival
	bool plain; // all are what parse() calls plain, and hashed
	bool syns; // TCP segments with SYN are among them, as far as parse() knows
	bool missed; // one at least has no session yet
	bool fragments; // it has some that are not for the kernel
	bool splits; // it has packets with PKT_SPLIT
	bool finishes; // a session is over when this burst has been rewritten
	struct pkt pkts[BURST];
};

static inline bool pkt_is_v6(const struct pkt *p) {
	return (p->kind & KIND_V6) != 0;
}

// Source and destination address of an IPv6 packet, one after the other, in its header.
static inline uint8_t *pkt_addrs6(const struct pkt *p) {
	return (uint8_t *)p->ip6 + PKT_ADDRS6_AT;
}

static inline struct ipaddr pkt_src(const struct pkt *p) {
	return pkt_is_v6(p) ? ipaddr_from_v6(pkt_addrs6(p)) : ipaddr_from_v4(p->key.src_be);
}

static inline struct ipaddr pkt_dst(const struct pkt *p) {
	return pkt_is_v6(p) ? ipaddr_from_v6(pkt_addrs6(p) + IP6_BYTES)
			    : ipaddr_from_v4(p->key.dst_be);
}

static inline void pkt_decide(struct pkt *p, enum verdict verdict, uint16_t arg) {
	p->verdict = verdict;
	p->arg = arg;
}

static inline void pkt_drop(struct pkt *p, enum slb_drop reason) {
	pkt_decide(p, VERDICT_DROP, reason);
}

// Takes the decided packets off the live list.
static inline void burst_sift(struct burst *b) {
	uint16_t kept = 0;

	for (uint16_t i = 0; i < b->n_live; i++) {
		b->live[kept] = b->live[i];
		kept += b->pkts[b->live[i]].verdict == VERDICT_NONE;
	}
	b->n_live = kept;
}
