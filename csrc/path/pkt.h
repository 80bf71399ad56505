// SPDX-License-Identifier: BSD-3-Clause
// A packet on its way through the stages, and the burst that carries it. Lives on the worker's stack, in its L1.
#pragma once

#include "slb.h"

#include <rte_mbuf_core.h>

struct session;
struct rte_ipv4_hdr;

enum { BURST = 32 };

// Of a TCP or UDP packet as it arrived; all in network order.
struct flow_key {
	uint32_t src_be;
	uint32_t dst_be;
	uint16_t sport_be;
	uint16_t dport_be;
};

enum direction { DIR_IN = 0, DIR_OUT = 1 }; // client to RS, RS to client

enum verdict {
	VERDICT_NONE = 0,
	VERDICT_TX, // arg: port
	VERDICT_PUNT, // arg: enum punt_class
	VERDICT_HANDOFF, // arg: worker
	VERDICT_DROP, // arg: enum slb_drop
};

enum punt_class { PUNT_OSPF = 0, PUNT_ARP, PUNT_OTHER, PUNT_COUNT };

enum pkt_flag {
	PKT_IPV4 = 1 << 0,
	PKT_FRAGMENT = 1 << 1,
};

struct pkt {
	struct rte_mbuf *m;
	struct rte_ipv4_hdr *ip;
	void *l4;
	struct session *session;
	struct flow_key key;
	uint32_t group; // index group of the key's hash
	uint16_t ip_len; // header and payload, as the IP header says
	uint16_t l4_len;
	uint16_t arg;
	uint8_t tag;
	uint8_t proto;
	uint8_t flags; // enum pkt_flag
	uint8_t tcp_flags;
	uint8_t verdict;
	uint8_t dir;
};

struct burst {
	uint16_t n;
	uint16_t n_live; // without a verdict so far
	uint8_t live[BURST]; // their places in pkts, in order of arrival
	struct pkt pkts[BURST];
};

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
