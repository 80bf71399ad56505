// SPDX-License-Identifier: BSD-3-Clause
// The clock of captures. Until DPDK 23.11 a process reads it when it copies its first packet, but after it has taken the time of
// that packet, which then seems to lie before the beginning of time: all captures of the process are decades off.

#define ALLOW_EXPERIMENTAL_API
#include "engine/engine.h"

#include <rte_cycles.h>
#include <rte_mbuf.h>
#include <rte_pcapng.h>
#include <rte_version.h>

// Has the clock read now, by a packet of half a second ahead.
void capture_clock_start(struct rte_mempool *pool) {
#if RTE_VERSION < RTE_VERSION_NUM(23, 11, 0, 0)
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool), *copy;
	uint64_t ahead = rte_get_tsc_cycles() + rte_get_tsc_hz() / 2;

	if (m == NULL)
		return;
	copy = rte_pcapng_copy(0, 0, m, pool, 0, ahead, RTE_PCAPNG_DIRECTION_IN);
	rte_pktmbuf_free(copy);
	rte_pktmbuf_free(m);
#else
	(void)pool;
#endif
}
