// SPDX-License-Identifier: BSD-3-Clause

#include "admin/policies.h"

#include "admin/traffic.h"
#include "base/clock.h"

#include <string.h>

void policies_init(struct admin *a) {
	a->policy_refs[0] = 1;
}

static bool in_use(const struct admin *a, uint32_t policy) {
	bool used = a->policy_refs[policy] > 0;

	for (uint16_t w = 0; w < a->n_workers && !used; w++)
		used = counter_read(&a->cores[w]->policy_sessions[policy]) > 0;
	return used;
}

static struct policy wanted(const struct admin *a, const struct slb_op *op) {
	struct policy p = a->cores[0]->policies[0];

	p.one_packet = op->one_packet;
	p.client_address = op->client_address;
	for (int state = 0; state < SLB_STATE_COUNT; state++)
		if (op->timeout_s[state] != 0)
			p.timeout[state] = clock_ticks_from_s(op->timeout_s[state]);
	return p;
}

static bool equal(const struct policy *a, const struct policy *b) {
	return a->one_packet == b->one_packet && a->client_address == b->client_address
		&& memcmp(a->timeout, b->timeout, sizeof(a->timeout)) == 0;
}

uint8_t policy_take(struct admin *a, const struct slb_op *op) {
	struct policy p = wanted(a, op);
	uint32_t policy = 0, unused = POLICY_NONE;

	for (; policy < POLICIES && !equal(&p, &a->cores[0]->policies[policy]); policy++)
		if (unused == POLICY_NONE && !in_use(a, policy))
			unused = policy;
	if (policy == POLICIES) {
		policy = unused;
		for (uint16_t w = 0; w < a->n_workers && policy != POLICY_NONE; w++)
			a->cores[w]->policies[policy] = p;
	}
	if (policy != POLICY_NONE)
		policy_keep(a, (uint8_t)policy);
	return (uint8_t)policy;
}

void policy_keep(struct admin *a, uint8_t policy) {
	a->policy_refs[policy]++;
}

void policy_give(struct admin *a, uint8_t policy) {
	a->policy_refs[policy]--;
}
