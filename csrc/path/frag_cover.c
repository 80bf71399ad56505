// SPDX-License-Identifier: BSD-3-Clause

#include "path/frag_cover.h"

static bool contradicts(const struct cover *c, uint16_t to, bool last) {
	if (!last)
		return c->end != 0 && to >= c->end;
	for (uint16_t i = 0; i < c->n; i++)
		if (c->ranges[i].to > to)
			return true;
	return c->end != 0 && to != c->end;
}

enum cover_result cover_check(const struct cover *c, uint16_t from, uint16_t to, bool last) {
	bool overlaps = false, touches = false;

	for (uint16_t i = 0; i < c->n; i++) {
		const struct cover_range *r = &c->ranges[i];
		if (from >= r->from && to <= r->to)
			return COVER_REPEATED;
		overlaps |= from < r->to && to > r->from;
		touches |= from == r->to || to == r->from;
	}
	if (overlaps || contradicts(c, to, last))
		return COVER_WRONG;
	return c->n == COVER_RANGES && !touches ? COVER_FULL : COVER_NEW;
}

bool cover_is_whole(const struct cover *c) {
	return c->n == 1 && c->ranges[0].from == 0 && c->end != 0 && c->ranges[0].to == c->end;
}

void cover_add(struct cover *c, uint16_t from, uint16_t to, bool last) {
	uint16_t kept = 0;

	for (uint16_t i = 0; i < c->n; i++) {
		struct cover_range r = c->ranges[i];
		if (r.to == from)
			from = r.from;
		else if (r.from == to)
			to = r.to;
		else
			c->ranges[kept++] = r;
	}
	c->ranges[kept++] = (struct cover_range){from, to};
	c->n = kept;
	// The last fragment ends where all that has come does.
	if (last)
		c->end = to;
}
