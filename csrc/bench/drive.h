// SPDX-License-Identifier: BSD-3-Clause
// A worker fed with frames of its sessions, a round of bursts at a time; the frames are written outside of what is timed, into mbufs that come
// round as those of a device's ring do.
#pragma once

#include "bench/stopwatch.h"
#include "bench/trace.h"
#include "path/pkt.h"

enum { DRIVE_BURSTS = 4, DRIVE_FRAMES = DRIVE_BURSTS * BURST };

struct drive {
	struct core *core;
	struct trace trace;
	struct rte_mbuf **mbufs; // DRIVE_FRAMES
	const struct frame_key *sent[DRIVE_FRAMES];
	struct burst burst;
	uint32_t turn;
	bool swapped; // the last round
};

// Of a worker whose sessions are there.
struct drive drive_begin(uint16_t worker, enum trace_ways ways);
void drive_end(struct drive *d);

// For a test: each hundredth round that is timed takes 5 ms longer.
extern bool drive_interrupts;

// Writes the frames of the next round.
void drive_frames(struct drive *d);

// Runs the round through the path, timed unless `w` is NULL; ends the process unless every packet is to be sent.
void drive_nat(struct drive *d, struct stopwatch *w);

// Exchanges their addresses instead.
void drive_swap(struct drive *d, struct stopwatch *w);

// Ends the process if one of the last round's frames, another one each time, is not what it must have become.
void drive_check(struct drive *d);

// Likewise if a frame is not this one with its addresses exchanged.
void drive_check_swapped(const struct frame_key *k, struct rte_mbuf *m);
