// SPDX-License-Identifier: BSD-3-Clause
// What the admin core asks of a worker. A message stays the admin core's; the worker carries it out between two bursts
// and says so by storing `done`, after which it does not look at it again.
#pragma once

#include "path/core.h"
#include "path/probe.h"
#include "path/session_reset.h"
#include "path/session_scan.h"
#include "worker/change.h"

struct rte_ring;

enum inbox_kind {
	INBOX_CHANGE = 1,
	INBOX_UNDO,
	INBOX_SESSIONS,
	INBOX_RESET,
	INBOX_QUIESCE,
	INBOX_PROBES
};

enum inbox_result { INBOX_PENDING = 0, INBOX_OK, INBOX_REFUSED };

struct inbox_probes {
	uint32_t n; // to be sent
	struct probe *list;
};

struct inbox_msg {
	uint32_t done; // enum inbox_result; worker writes once
	uint32_t kind; // enum inbox_kind
	struct inbox_msg *next_late; // admin only: those that were not answered in time
	union {
		struct inbox_change change; // may take several rounds
		struct inbox_msg
			*undo; // the change to be taken back, if it was carried out; likewise
		struct session_scan sessions; // takes several rounds
		struct session_reset reset; // likewise
		struct inbox_probes probes;
	};
};

struct inbox {
	struct rte_ring *ring;
	struct inbox_msg *current; // one that takes several rounds
};

// Carries out what has come, or the next part of it. Returns whether there was any.
bool inbox_poll(struct inbox *inbox, struct core *c);
