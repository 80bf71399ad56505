// SPDX-License-Identifier: BSD-3-Clause

#include "bench/swap.h"

#include "path/pkt.h"

#include <arpa/inet.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>
#include <rte_tcp.h>
#include <rte_udp.h>

static void exchange(uint8_t *at, uint32_t bytes) {
	uint8_t kept[IP6_BYTES];

	memcpy(kept, at, bytes);
	memcpy(at, at + bytes, bytes);
	memcpy(at + bytes, kept, bytes);
}

// The mbuf is told where its headers are, and that nothing is left to the device, as testpmd tells it.
static void one(struct rte_mbuf *m) {
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *), *l3 = frame + RTE_ETHER_HDR_LEN, *l4;
	uint16_t type = ((const struct rte_ether_hdr *)frame)->ether_type;
	uint8_t proto;

	exchange(frame, RTE_ETHER_ADDR_LEN);
	for (; type == htons(RTE_ETHER_TYPE_VLAN) || type == htons(RTE_ETHER_TYPE_QINQ);
	     l3 += sizeof(struct rte_vlan_hdr))
		type = ((const struct rte_vlan_hdr *)l3)->eth_proto;
	m->l2_len = (uint64_t)(l3 - frame);
	m->ol_flags &= RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;
	if (type == htons(RTE_ETHER_TYPE_IPV4)) {
		struct rte_ipv4_hdr *ip = (void *)l3;
		exchange((uint8_t *)&ip->src_addr, sizeof(ip->src_addr));
		proto = ip->next_proto_id;
		l4 = l3 + rte_ipv4_hdr_len(ip);
	} else if (type == htons(RTE_ETHER_TYPE_IPV6)) {
		struct rte_ipv6_hdr *ip = (void *)l3;
		exchange(l3 + PKT_ADDRS6_AT, IP6_BYTES);
		proto = ip->proto;
		l4 = (uint8_t *)(ip + 1);
	} else {
		return;
	}
	m->l3_len = (uint64_t)(l4 - l3);
	if (proto == SLB_PROTO_UDP) {
		exchange(l4, sizeof(rte_be16_t));
		m->l4_len = sizeof(struct rte_udp_hdr);
	} else if (proto == SLB_PROTO_TCP) {
		exchange(l4, sizeof(rte_be16_t));
		m->l4_len = (((const struct rte_tcp_hdr *)l4)->data_off >> 4) * 4u;
	}
}

void swap_run(struct rte_mbuf *const *mbufs, uint16_t n) {
	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void *));
	for (uint16_t i = 0; i < n; i++)
		one(mbufs[i]);
}
