// SPDX-License-Identifier: BSD-3-Clause
// Reading sessions: each worker copies its own, a piece a call, into memory that stays even if it answers late.

#include "admin/publish.h"

#include <errno.h>
#include <rte_malloc.h>
#include <string.h>

// Entries a worker looks at for one message, and sessions one message can carry.
enum { SCAN_ENTRIES = 65536, SCAN_CAP = 512 };

// Messages of one call: between two calls the admin core does what else it has to do.
enum { SCANS = 8 };

// The cursor: worker in the upper half, next entry in the lower.
static uint64_t cursor_of(uint16_t worker, uint32_t next) {
	return (uint64_t)worker << 32 | next;
}

static bool wanted_worker(const struct slb_session_filter *filter, uint16_t worker) {
	return filter->worker < 0 || filter->worker == worker;
}

static int scan(
	struct admin *a, uint16_t worker, const struct slb_session_filter *filter, uint64_t *cursor,
	struct slb_session_info *out, uint32_t cap
) {
	const struct core *c = a->cores[worker];
	uint32_t carries = cap < SCAN_CAP ? cap : SCAN_CAP;
	struct inbox_msg *msg = rte_zmalloc("scan", sizeof(*msg) + carries * sizeof(*out), 0);
	uint32_t next = (uint32_t)*cursor;
	int rc;

	if (msg == NULL)
		return -ENOMEM;
	msg->kind = INBOX_SESSIONS;
	msg->sessions = (struct session_scan){
		.filter = *filter,
		.next = next,
		.end = c->sessions.lines - next > SCAN_ENTRIES ? next + SCAN_ENTRIES
							       : c->sessions.lines,
		.cap = carries,
		.out = (struct slb_session_info *)(msg + 1),
	};
	rc = publish_one(a, worker, msg);
	if (rc != 0)
		return rc;
	memcpy(out, msg->sessions.out, msg->sessions.n * sizeof(*out));
	rc = (int)msg->sessions.n;
	next = msg->sessions.next;
	if (next >= c->sessions.lines)
		*cursor = cursor_of(worker + 1, 0);
	else
		*cursor = cursor_of(worker, next);
	rte_free(msg);
	return rc;
}

int admin_session_list(
	struct admin *a, const struct slb_session_filter *filter, uint64_t *cursor,
	struct slb_session_info *out, uint32_t cap
) {
	uint32_t scans = 0;
	int n = 0;

	while (n == 0 && cap > 0 && scans < SCANS) {
		uint16_t worker = (uint16_t)(*cursor >> 32);
		if (*cursor == UINT64_MAX || worker >= a->n_workers)
			break;
		if (wanted_worker(filter, worker)) {
			n = scan(a, worker, filter, cursor, out, cap);
			scans++;
		} else {
			*cursor = cursor_of(worker + 1, 0);
		}
	}
	if ((uint16_t)(*cursor >> 32) >= a->n_workers)
		*cursor = UINT64_MAX;
	return n;
}

int admin_quiesce(struct admin *a) {
	int rc = 0;

	for (uint16_t w = 0; w < a->n_workers; w++) {
		struct inbox_msg *msg = rte_zmalloc("quiesce", sizeof(*msg), 0);
		int one;
		if (msg == NULL)
			return -ENOMEM;
		msg->kind = INBOX_QUIESCE;
		one = publish_one(a, w, msg);
		if (one == 0)
			rte_free(msg);
		else
			rc = one;
	}
	return rc;
}
