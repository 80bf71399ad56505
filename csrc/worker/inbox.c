// SPDX-License-Identifier: BSD-3-Clause

#include "worker/inbox.h"

#include <rte_ring.h>

static void finish(struct inbox *inbox, struct inbox_msg *msg, enum inbox_result result) {
	inbox->current = NULL;
	__atomic_store_n(&msg->done, result, __ATOMIC_RELEASE);
}

static void carry_out(struct inbox *inbox, struct core *c, struct inbox_msg *msg) {
	switch (msg->kind) {
	case INBOX_CHANGE:
		if (msg->change.from != c->generation)
			finish(inbox, msg, INBOX_REFUSED);
		else if (change_carry_out(c, &msg->change))
			finish(inbox, msg, INBOX_OK);
		break;
	case INBOX_UNDO:
		if (msg->undo->done != INBOX_OK || change_carry_out(c, &msg->undo->change))
			finish(inbox, msg, INBOX_OK);
		break;
	case INBOX_SESSIONS:
		if (session_scan(c, &msg->sessions))
			finish(inbox, msg, INBOX_OK);
		break;
	case INBOX_RESET:
		if (session_reset_scan(c, &msg->reset))
			finish(inbox, msg, INBOX_OK);
		break;
	case INBOX_PROBES:
		for (uint32_t i = 0; i < msg->probes.n; i++)
			probe_send(c, &msg->probes.list[i]);
		finish(inbox, msg, INBOX_OK);
		break;
	case INBOX_QUIESCE:
		c->quiesced = true;
		finish(inbox, msg, INBOX_OK);
		break;
	}
}

bool inbox_poll(struct inbox *inbox, struct core *c) {
	void *msg;

	if (inbox->current == NULL && rte_ring_sc_dequeue(inbox->ring, &msg) == 0)
		inbox->current = msg;
	if (inbox->current == NULL)
		return false;
	carry_out(inbox, c, inbox->current);
	return true;
}
