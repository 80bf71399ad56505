// SPDX-License-Identifier: BSD-3-Clause

#include "path/spread.h"

// All workers must agree on it, so it is keyed with a constant.
static const struct hash_seed SPREAD_SEED = {0x2d358dccaa6c78a5ULL, 0x8bb84b93962eacc9ULL};

uint16_t spread_worker(const struct core *c, struct ipaddr src, struct ipaddr dst, uint32_t tells) {
	uint64_t hash = hash_32(&SPREAD_SEED, src.hi ^ tells, src.lo, dst.hi, dst.lo);

	return (uint16_t)((hash >> 32) * c->n_workers >> 32);
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
