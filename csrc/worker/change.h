// SPDX-License-Identifier: BSD-3-Clause
// A transaction as one worker carries it out: the marks and counters of its RS and the places of its schedulers a few each round, and
// then, between two bursts, all that the path sees of it.
#pragma once

#include "path/core.h"

struct inbox_vs {
	uint16_t slot;
	struct vs *vs; // in: the new one or NULL; out: the one it replaced
};

// Carrying it out swaps pointers, so carrying it out again undoes it.
struct inbox_change {
	uint64_t from; // generation the worker must be at: a worker that missed one refuses
	uint64_t to;
	const struct vs_index *vs_index; // NULL: stays
	const struct fwd *fwd; // NULL: stays
	const struct owner_map *owners; // NULL: stays
	const struct laddr_set *laddrs; // NULL: stays
	const struct spread *spread; // NULL: stays
	uint32_t n_vs;
	uint32_t n_fresh_rs;
	uint32_t n_gone_rs;
	uint32_t prepared; // worker only: RS and VS seen to
	struct inbox_vs *vs;
	uint32_t *fresh_rs; // slots whose counters start from 0
	uint32_t *gone_rs; // slots of RS that are removed
};

// The next part of it; the worker is at generation `from`. Returns whether that was the last, with which it holds.
bool change_carry_out(struct core *c, struct inbox_change *change);
