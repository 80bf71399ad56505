// SPDX-License-Identifier: BSD-3-Clause

#include "base/deal.h"

#include <stdbool.h>

static uint16_t least(const uint32_t *held, uint16_t n_owners) {
	uint16_t best = 0;

	for (uint16_t w = 1; w < n_owners; w++)
		if (held[w] < held[best])
			best = w;
	return best;
}

void deal_places(uint8_t *owner, uint32_t n, uint16_t n_owners) {
	uint32_t held[DEAL_OWNERS] = {0};

	for (uint32_t i = 0; i < n; i++)
		if (owner[i] < n_owners)
			held[owner[i]]++;
	for (uint32_t i = 0; i < n; i++)
		if (owner[i] >= n_owners) {
			owner[i] = (uint8_t)least(held, n_owners);
			held[owner[i]]++;
		}
	for (uint32_t i = 0; i < n; i++) {
		uint16_t to = least(held, n_owners);
		if (held[owner[i]] <= held[to] + 1)
			continue;
		held[owner[i]]--;
		owner[i] = (uint8_t)to;
		held[to]++;
	}
}
