// SPDX-License-Identifier: BSD-3-Clause
// Changes of many virtual servers with CONTROL_RS real servers each, and ends of sessions, which the admin core makes on an lcore of its own.
#pragma once

#include "slb.h"

#include <stdbool.h>

enum { CONTROL_VS = 1000, CONTROL_RS = 32 };

enum control_kind {
	CONTROL_COMMIT, // all of them added in one transaction,
	CONTROL_REWRITE, // every RS given another weight,
	CONTROL_REMOVE, // and all removed
	CONTROL_ADD_EACH, // the same, in a transaction for each VS
	CONTROL_REWRITE_EACH,
	CONTROL_REMOVE_EACH,
	CONTROL_KINDS,
};

struct control_change {
	const char *name;
	struct slb_op *ops;
	uint32_t n_ops; // of one transaction
	uint32_t n_txns;
	const struct slb_reset *resets; // or instead of transactions: whose sessions end
	uint32_t n_resets;
	uint32_t ended; // sessions; the admin core writes, done last
	uint32_t done;
};

// Made the first time that it is asked for, for so many VS, CONTROL_VS at most.
struct control_change *control_change_of(enum control_kind kind, uint32_t n_vs);

// The worker's own thread: starts it, asks whether it is through, and waits for the lcore to be free. Ends the process when it is refused.
void control_change_begin(struct control_change *change, unsigned lcore);
bool control_change_done(const struct control_change *change);
void control_change_end(struct control_change *change, unsigned lcore);
