// SPDX-License-Identifier: BSD-3-Clause

#include "path/spread.h"

enum { WORKER_BITS = 32 };

// All workers must agree on it, so it is keyed with a constant.
static const struct hash_seed SPREAD_SEED = {0x2d358dccaa6c78a5ULL, 0x8bb84b93962eacc9ULL};

uint8_t spread_place(struct ipaddr src, struct ipaddr dst, uint32_t tells) {
	uint64_t hash = hash_32(&SPREAD_SEED, src.hi ^ tells, src.lo, dst.hi, dst.lo);

	return (uint8_t)(hash >> 56);
}

uint16_t spread_worker(const struct core *c, struct ipaddr src, struct ipaddr dst, uint32_t tells) {
	return c->spread->worker[spread_place(src, dst, tells)];
}

// p->asked counts the places of the round that have had their turn; who is asked out of turn does not count.
bool spread_search(const struct core *c, struct pkt *p, uint16_t first) {
	if (p->asked < c->n_workers && (first + p->asked) % c->n_workers == c->id)
		p->asked++;
	if (p->asked >= c->n_workers)
		return false;
	pkt_decide(p, VERDICT_HANDOFF, (uint16_t)((first + p->asked) % c->n_workers));
	return true;
}

// p->asked is the first worker that has not been asked.
bool spread_ask(const struct core *c, struct pkt *p, uint32_t before) {
	uint32_t left = before & ~(UINT32_C(1) << c->id);
	uint16_t next;

	if (p->asker == 0)
		p->asked = 0;
	left = p->asked < WORKER_BITS ? left >> p->asked : 0;
	if (left == 0)
		return false;
	next = (uint16_t)(p->asked + __builtin_ctz(left));
	p->asker = (uint8_t)(c->id + 1);
	p->asked = (uint8_t)(next + 1);
	pkt_decide(p, VERDICT_HANDOFF, next);
	return true;
}

bool spread_answer(const struct core *c, struct pkt *p) {
	if (p->asker == 0 || p->asker == c->id + 1)
		return false;
	pkt_decide(p, VERDICT_HANDOFF, (uint16_t)(p->asker - 1));
	return true;
}
