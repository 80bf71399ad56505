// SPDX-License-Identifier: BSD-3-Clause

#include "bench/spoil.h"

#include "path/pkt.h"

#include <arpa/inet.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <string.h>

enum { BIT_AT = 44 };

enum spoil spoil_what;

static void exchange(uint8_t *at, uint32_t bytes) {
	uint8_t kept[IP6_BYTES];

	memcpy(kept, at, bytes);
	memcpy(at, at + bytes, bytes);
	memcpy(at + bytes, kept, bytes);
}

void spoil(struct rte_mbuf *m) {
	struct rte_ether_hdr *frame = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	bool v6 = frame->ether_type == htons(RTE_ETHER_TYPE_IPV6);
	struct rte_ipv4_hdr *ip4 = (void *)(frame + 1);
	struct rte_ipv6_hdr *ip6 = (void *)(frame + 1);

	switch (spoil_what) {
	case SPOIL_NOTHING:
	case SPOIL_SWAPPED:
		break;
	case SPOIL_BIT:
		((uint8_t *)frame)[BIT_AT] ^= 1;
		break;
	case SPOIL_ADDRESSES:
		if (v6)
			exchange((uint8_t *)ip6 + PKT_ADDRS6_AT, IP6_BYTES);
		else
			exchange((uint8_t *)&ip4->src_addr, sizeof(ip4->src_addr));
		break;
	case SPOIL_PORTS:
		exchange(v6 ? (void *)(ip6 + 1) : (void *)(ip4 + 1), sizeof(rte_be16_t));
		break;
	}
}

void spoil_swapped(struct rte_mbuf *m) {
	if (spoil_what == SPOIL_SWAPPED)
		rte_pktmbuf_mtod(m, uint8_t *)[BIT_AT] ^= 1;
}
