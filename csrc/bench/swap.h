// SPDX-License-Identifier: BSD-3-Clause
// What testpmd's 5tswap does to a burst, in a loop of our own: MACs, addresses and ports change places, nothing is looked up.
#pragma once

#include <rte_mbuf_core.h>
#include <stdint.h>

void swap_run(struct rte_mbuf *const *mbufs, uint16_t n);
