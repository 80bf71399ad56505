// SPDX-License-Identifier: BSD-3-Clause
// Packets of established sessions in random order, drawn beforehand: who made them from the session table when they are needed would bring
// the very entries into the caches that the engine is to fetch.
#pragma once

#include "bench/frame.h"
#include "path/core.h"

struct trace {
	uint32_t n;
	uint32_t at; // next
	struct frame_key *keys;
};

enum trace_ways { TRACE_BOTH, TRACE_REPLIES };

// Every packet of a session drawn anew; `n` of them.
struct trace trace_draw(const struct core *c, uint32_t n, enum trace_ways ways);

void trace_free(struct trace *t);

// The next packet's key; after the last one comes the first.
const struct frame_key *trace_next(struct trace *t);

// What the packet must have become: source and destination of the other side of the session that it was drawn from, which is not looked up.
struct frame_key trace_answer(const struct core *c, const struct frame_key *k);

// Whether a frame, as it is to be sent, is that, with right checksums.
bool trace_is_answer(const struct core *c, const struct frame_key *k, const struct rte_mbuf *m);
