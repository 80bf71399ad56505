// SPDX-License-Identifier: BSD-3-Clause
// A device that brings chosen frames: net_pcap with infinite_rx, as testpmd has it in m1. It takes an mbuf from the pool for each packet received,
// copies a frame of its file into it, and gives back those that are sent. A callback of ours copies the chosen frame over that one; another keeps
// the one that is asked for of those that are sent.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct rte_mbuf;

struct feed {
	uint16_t dpdk_id;
	uint32_t n;
	uint32_t next; // to arrive
	uint32_t left; // have been sent
	uint32_t wanted; // of those that are sent, the one to be kept
	struct rte_mbuf *const *frames;
	struct rte_mbuf *kept;
	bool spoil; // a bit of what is kept
};

// Made once; ends the process with a sentence when it cannot be.
struct feed *feed_open(void);

// What arrives from now on, `n` frames in their order and nothing behind them; they stay the caller's. Of those that are sent, number `wanted` is kept.
void feed_load(struct feed *s, struct rte_mbuf *const *frames, uint32_t n, uint32_t wanted);

// Ends the process unless all have been sent.
void feed_is_sent(const struct feed *s);
