// SPDX-License-Identifier: BSD-3-Clause

#include "steer/standby.h"

#include "steer/bond_api.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>

enum { STANDBY_BURST = 32, BURSTS_MAX = 64 };

static void drain(uint16_t member, uint16_t queue) {
	struct rte_mbuf *mbufs[STANDBY_BURST];
	uint16_t n = STANDBY_BURST;

	for (int i = 0; n == STANDBY_BURST && i < BURSTS_MAX; i++) {
		n = rte_eth_rx_burst(member, queue, mbufs, STANDBY_BURST);
		rte_pktmbuf_free_bulk(mbufs, n);
	}
}

void standby_drain(const struct standby *s, uint16_t queue) {
	int used = s->n > 0 ? rte_eth_bond_primary_get(s->bond) : -1;

	for (uint16_t i = 0; i < s->n; i++)
		if (s->members[i] != used)
			drain(s->members[i], queue);
}
