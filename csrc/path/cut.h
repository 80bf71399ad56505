// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <stdint.h>

struct rte_mbuf;

// Leaves the first `len` bytes of a packet, which must have as many; segments that are not needed any more are freed.
void cut(struct rte_mbuf *m, uint32_t len);
