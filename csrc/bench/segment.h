// SPDX-License-Identifier: BSD-3-Clause
// TCP of both families, made from the frames of frame.h.
#pragma once

#include <rte_mbuf_core.h>
#include <rte_tcp.h>
#include <stdint.h>

// Makes a segment without data of the datagram, between the same addresses and ports.
void segment_from_udp(struct rte_mbuf *m, uint8_t flags);
