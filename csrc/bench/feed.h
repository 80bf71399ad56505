// SPDX-License-Identifier: BSD-3-Clause
// A device that brings chosen frames: net_pcap with infinite_rx, as testpmd has it in m1. It takes an mbuf from the pool for each packet received,
// copies a frame of its file into it, and gives back those that are sent. The chosen frames are written over those of its file before they
// arrive, so receiving costs what it costs testpmd; a callback keeps the one that is asked for of those that are sent.
#pragma once

#include <stdint.h>

struct rte_mbuf;

enum { FEED_FRAMES = 1000 }; // as many as m1's file has

struct feed {
	uint16_t dpdk_id;
	uint32_t n;
	uint32_t next; // to arrive
	uint32_t left; // have been sent
	uint32_t wanted; // of those that are sent, the one to be kept
	uint32_t at; // in the ring, of the next frame
	struct rte_mbuf *ring[FEED_FRAMES]; // the device's
	struct rte_mbuf *kept;
};

// Made once; ends the process with a sentence when it cannot be.
struct feed *feed_open(void);

// What arrives from now on, `n` frames (FEED_FRAMES at most) in their order and nothing behind them; they are copied. Of those that are sent, number `wanted` is kept.
void feed_load(struct feed *s, struct rte_mbuf *const *frames, uint32_t n, uint32_t wanted);

// Ends the process unless all have been sent.
void feed_is_sent(const struct feed *s);
