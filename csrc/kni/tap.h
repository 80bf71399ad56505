// SPDX-License-Identifier: BSD-3-Clause
// A kernel interface where there is no /dev/vhost-net: a tap, read and written frame by frame. DPDK's driver for taps carries no
// frame longer than 1,522 bytes.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct rte_mbuf;
struct rte_mempool;

// Makes the interface, which goes with the descriptor: returns that, or -errno. mac: 6 bytes.
int kni_tap_open(const char *name, const uint8_t *mac);

// Takes up to n frames that the kernel has sent, each in a buffer of the pool; what is longer than that is cut.
uint16_t kni_tap_read(int tap, struct rte_mempool *pool, struct rte_mbuf **mbufs, uint16_t n);

// Hands a frame to the kernel and frees it. False: the kernel does not take it, and it stays the caller's.
bool kni_tap_write(int tap, struct rte_mbuf *m);
