// SPDX-License-Identifier: BSD-3-Clause
// Ending the sessions of RS: all workers at once go through their own, a part a call, so that changes need not wait for the end. RS slots
// may be given to others between two calls, so each finds out anew which are meant.

#include "admin/publish.h"
#include "admin/tables.h"
#include "admin/text.h"
#include "admin/vs_keys.h"

#include <errno.h>
#include <rte_malloc.h>
#include <stdlib.h>
#include <string.h>

// Lines of its session table that a worker goes through for one message.
enum { RESET_LINES = 16384 };

// Compared byte by byte, so nothing is between the fields.
struct target {
	struct ipaddr vs;
	struct ipaddr rs;
	uint16_t vs_port_be;
	uint16_t rs_port_be;
	uint8_t vs_proto;
	uint8_t one_rs; // 0: all of the VS
	uint16_t reserved;
};

_Static_assert(sizeof(struct target) == 40, "no holes");

struct targets {
	uint32_t n;
	const struct target *sorted;
};

static struct target target_of(const struct slb_reset *reset) {
	struct target t = {
		.vs = ipaddr_from_address(&reset->vs.addr),
		.vs_port_be = reset->vs.port_be,
		.vs_proto = reset->vs.proto,
		.one_rs = reset->rs.addr.family != 0,
	};

	if (t.one_rs) {
		t.rs = ipaddr_from_address(&reset->rs.addr);
		t.rs_port_be = reset->rs.port_be;
	}
	return t;
}

static struct target target_of_slot(const struct rs_slot *s, bool one_rs) {
	struct target t = {
		.vs = s->vs_addr,
		.vs_port_be = s->vs_port_be,
		.vs_proto = s->vs_proto,
		.one_rs = one_rs,
	};

	if (one_rs) {
		t.rs = s->addr;
		t.rs_port_be = s->port_be;
	}
	return t;
}

static int compare(const void *a, const void *b) {
	return memcmp(a, b, sizeof(struct target));
}

static bool has(const struct targets *ts, const struct rs_slot *s, bool one_rs) {
	const struct target t = target_of_slot(s, one_rs);

	return bsearch(&t, ts->sorted, ts->n, sizeof(t), compare) != NULL;
}

// Also of a VS or RS that was removed, and of each time that it was added again.
static bool is_meant(const struct targets *ts, const struct rs_slot *s) {
	if (s->use != RS_SLOT_LIVE && s->use != RS_SLOT_DRAINING)
		return false;
	return has(ts, s, true) || has(ts, s, false);
}

static uint32_t mark(const struct admin *a, const struct targets *ts, uint64_t *slots) {
	uint32_t n = 0;

	for (uint32_t slot = 0; slot < a->rs_max; slot++) {
		if (!is_meant(ts, &a->rs_slots[slot]))
			continue;
		if (slots != NULL)
			slots[slot / 64] |= UINT64_C(1) << slot % 64;
		n++;
	}
	return n;
}

static int check_one(
	const struct admin *a, const struct slb_reset *reset, struct slb_refused *refused
) {
	const struct target t = target_of(reset);
	const struct targets one = {.n = 1, .sorted = &t};
	char vs[ENDPOINT_TEXT], rs[ENDPOINT_TEXT];
	uint16_t slot = vs_keys_find(a, &reset->vs);

	if (slot != VS_NONE && (t.one_rs == 0 || *rs_link(a->vs[slot], &reset->rs) != NULL))
		return 0;
	if (mark(a, &one, NULL) > 0)
		return 0;
	if (slot == VS_NONE)
		return refuse(
			refused, ENOENT, SLB_REFUSED_VS_UNKNOWN, "VS %s does not exist",
			endpoint_text(&reset->vs, vs)
		);
	return refuse(
		refused, ENOENT, SLB_REFUSED_RS_UNKNOWN, "VS %s has no RS %s",
		endpoint_text(&reset->vs, vs), endpoint_text(&reset->rs, rs)
	);
}

static int check(
	const struct admin *a, const struct slb_reset *resets, uint32_t n,
	struct slb_refused *refused
) {
	int rc = 0;

	for (uint32_t i = 0; i < n && rc == 0; i++) {
		refused->op = i;
		rc = check_one(a, &resets[i], refused);
	}
	return rc;
}

// A bit for each RS slot.
static size_t slots_bytes(const struct admin *a) {
	return ((size_t)a->rs_max + 63) / 64 * sizeof(uint64_t);
}

static struct inbox_msg *message(
	const struct admin *a, uint16_t worker, const uint64_t *slots, uint32_t next
) {
	uint32_t lines = a->cores[worker]->sessions.lines;
	struct inbox_msg *msg =
		rte_zmalloc_socket("reset", sizeof(*msg) + slots_bytes(a), 0, a->socket[worker]);

	if (msg == NULL)
		return NULL;
	memcpy(msg + 1, slots, slots_bytes(a));
	msg->kind = INBOX_RESET;
	msg->reset = (struct session_reset){
		.rs = (uint64_t *)(msg + 1),
		.next = next,
		.end = lines > next + RESET_LINES ? next + RESET_LINES : lines,
	};
	return msg;
}

static int no_memory(struct slb_refused *refused) {
	return refuse(refused, ENOMEM, SLB_REFUSED_NO_MEMORY, "no memory for a message");
}

static int one_part(
	struct admin *a, const uint64_t *slots, uint32_t next, struct slb_refused *refused
) {
	struct inbox_msg *msgs[SLB_MAX_WORKERS];
	uint16_t silent = 0;
	int rc, n = 0;

	for (uint16_t w = 0; w < a->n_workers; w++) {
		msgs[w] = message(a, w, slots, next);
		if (msgs[w] != NULL)
			continue;
		while (w-- > 0)
			rte_free(msgs[w]);
		return no_memory(refused);
	}
	rc = publish_each(a, msgs, &silent);
	for (uint16_t w = 0; w < a->n_workers; w++) {
		n += msgs[w] != NULL ? (int)msgs[w]->reset.n : 0;
		rte_free(msgs[w]);
	}
	if (rc == 0)
		return n;
	refused->worker = silent;
	return refuse(
		refused, -rc, SLB_REFUSED_WORKER,
		"worker %u has not answered; sessions of other workers may have ended", silent
	);
}

int admin_session_reset(
	struct admin *a, const struct slb_reset *resets, uint32_t n, uint64_t *cursor,
	struct slb_refused *refused
) {
	uint32_t next = (uint32_t)*cursor;
	struct target *targets;
	uint64_t *slots;
	int rc;

	if (n == 0 || n > SLB_MAX_RESETS)
		return refuse(
			refused, EINVAL, SLB_REFUSED_BAD_VALUE, "%u resets at once: 1 to %u can be",
			n, SLB_MAX_RESETS
		);
	rc = *cursor == 0 ? check(a, resets, n, refused) : 0;
	if (rc != 0)
		return rc;
	targets = malloc(n * sizeof(*targets));
	slots = calloc(1, slots_bytes(a));
	if (targets != NULL && slots != NULL) {
		for (uint32_t i = 0; i < n; i++)
			targets[i] = target_of(&resets[i]);
		qsort(targets, n, sizeof(*targets), compare);
		mark(a, &(struct targets){n, targets}, slots);
		rc = one_part(a, slots, next, refused);
	} else {
		rc = no_memory(refused);
	}
	free(targets);
	free(slots);
	*cursor = UINT64_MAX;
	for (uint16_t w = 0; w < a->n_workers; w++)
		if (a->cores[w]->sessions.lines > next + RESET_LINES)
			*cursor = next + RESET_LINES;
	return rc;
}
