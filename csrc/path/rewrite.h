// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "path/core.h"

#include <rte_ether.h>
#include <rte_mbuf.h>
#include <string.h>

// Stage of the path: full NAT of the packets that will be sent: addresses, ports, both checksums, TTL, MACs.
void rewrite(struct core *c, struct burst *b);

static inline void rewrite_macs(struct rte_mbuf *m, const struct hop *hop) {
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);

	memcpy(&eth->dst_addr, hop->dst_mac, sizeof(eth->dst_addr));
	memcpy(&eth->src_addr, hop->src_mac, sizeof(eth->src_addr));
}
