// SPDX-License-Identifier: BSD-3-Clause

#include "bench/swap.h"

#include "path/pkt.h"

#include <arpa/inet.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>
#include <rte_udp.h>

static void exchange(uint8_t *at, uint32_t bytes) {
	uint8_t kept[IP6_BYTES];

	memcpy(kept, at, bytes);
	memcpy(at, at + bytes, bytes);
	memcpy(at + bytes, kept, bytes);
}

static void one(struct rte_mbuf *m) {
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	struct rte_ipv4_hdr *ip4 = (void *)(eth + 1);
	struct rte_ipv6_hdr *ip6 = (void *)(eth + 1);
	uint8_t proto, *l4;

	exchange((uint8_t *)eth, RTE_ETHER_ADDR_LEN);
	if (eth->ether_type == htons(RTE_ETHER_TYPE_IPV4)) {
		exchange((uint8_t *)&ip4->src_addr, sizeof(ip4->src_addr));
		proto = ip4->next_proto_id;
		l4 = (uint8_t *)ip4 + rte_ipv4_hdr_len(ip4);
	} else if (eth->ether_type == htons(RTE_ETHER_TYPE_IPV6)) {
		exchange((uint8_t *)ip6 + PKT_ADDRS6_AT, IP6_BYTES);
		proto = ip6->proto;
		l4 = (uint8_t *)(ip6 + 1);
	} else {
		return;
	}
	if (proto == SLB_PROTO_UDP || proto == SLB_PROTO_TCP)
		exchange(l4, sizeof(rte_be16_t));
	m->l2_len = sizeof(*eth);
	m->l3_len = (uint64_t)(l4 - (uint8_t *)(eth + 1));
}

void swap_run(struct rte_mbuf *const *mbufs, uint16_t n) {
	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void *));
	for (uint16_t i = 0; i < n; i++)
		one(mbufs[i]);
}
