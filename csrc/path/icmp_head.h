// SPDX-License-Identifier: BSD-3-Clause
// What ICMP messages of both families begin with, and the checksum over them.
#pragma once

#include "path/csum.h"
#include "path/pkt.h"

#include <rte_byteorder.h>
#include <rte_mbuf.h>

enum icmp4_type { ICMP4_UNREACHABLE = 3, ICMP4_TIME_EXCEEDED = 11, ICMP4_PARAMETER = 12 };
enum icmp4_unreachable { ICMP4_FRAGMENTATION_NEEDED = 4 };
enum icmp6_type { ICMP6_UNREACHABLE = 1, ICMP6_TOO_BIG, ICMP6_TIME_EXCEEDED, ICMP6_PARAMETER };

struct icmp_head {
	uint8_t type;
	uint8_t code;
	uint16_t cksum;
	uint32_t more_be; // MTU, pointer or nothing, by type
} __attribute__((packed));

// An error quotes the packet that it is about.
static inline bool icmp_is_error(const struct pkt *p) {
	const struct icmp_head *head = p->l4;

	if (pkt_is_v6(p))
		return head->type >= ICMP6_UNREACHABLE && head->type <= ICMP6_PARAMETER;
	return head->type == ICMP4_UNREACHABLE || head->type == ICMP4_TIME_EXCEEDED
		|| head->type == ICMP4_PARAMETER;
}

// The sum of a message of `len` bytes, unfolded; addrs6: source and destination, NULL in IPv4, which leaves them out.
static inline uint32_t icmp_sum(
	const struct rte_mbuf *m, const void *message, uint16_t len, const uint8_t *addrs6
) {
	uint32_t at = (uint32_t)((const uint8_t *)message - rte_pktmbuf_mtod(m, const uint8_t *));
	uint32_t sum = csum_packet(m, at, len);

	if (addrs6 != NULL)
		sum += csum_sum(addrs6, 2 * IP6_BYTES) + rte_cpu_to_be_16(len)
			+ rte_cpu_to_be_16(SLB_PROTO_ICMP6);
	return sum;
}
