// SPDX-License-Identifier: BSD-3-Clause
// The IEEE 802.1Q tag of a port's frames: off before anything else looks at a frame, on again when it is sent.
#pragma once

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_mbuf.h>
#include <stdbool.h>
#include <string.h>

enum { VLAN_TAG = 4, VLAN_ID_MASK = 0x0fff };

// The frame must hold an Ethernet header and a tag in its first segment.
static inline void vlan_pop(struct rte_mbuf *m) {
	uint8_t *eth = rte_pktmbuf_mtod(m, uint8_t *);

	memmove(eth + VLAN_TAG, eth, 2 * RTE_ETHER_ADDR_LEN);
	rte_pktmbuf_adj(m, VLAN_TAG);
}

// False: there is no room before the frame, which is then unchanged.
static inline bool vlan_push(struct rte_mbuf *m, uint16_t tci_be) {
	const uint16_t type_be = rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN);
	uint8_t *eth = (uint8_t *)rte_pktmbuf_prepend(m, VLAN_TAG);

	if (eth == NULL)
		return false;
	memmove(eth, eth + VLAN_TAG, 2 * RTE_ETHER_ADDR_LEN);
	memcpy(eth + 2 * RTE_ETHER_ADDR_LEN, &type_be, sizeof(type_be));
	memcpy(eth + 2 * RTE_ETHER_ADDR_LEN + sizeof(type_be), &tci_be, sizeof(tci_be));
	return true;
}
