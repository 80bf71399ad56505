// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "path/core.h"

// Takes n <= BURST packets through all stages; afterwards every packet in b->pkts has a verdict, in order of arrival.
// All of them come from the same source.
void path_run(
	struct core *c, struct burst *b, struct rte_mbuf *const *mbufs, uint16_t n, enum source from
);
