// SPDX-License-Identifier: BSD-3-Clause

#include "admin/admin.h"

#include "admin/build.h"
#include "admin/laddrs.h"
#include "admin/policies.h"
#include "admin/publish.h"
#include "admin/spread.h"
#include "path/punt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_TIMEOUT_MS = 5000 };

// As many buckets, a power of two, as there may be entries.
static uint32_t buckets_for(uint32_t entries) {
	uint32_t buckets = 16;

	while (buckets < entries)
		buckets *= 2;
	return buckets;
}

static int init_tables(struct admin *a) {
	const uint32_t vs_buckets = buckets_for(a->vs_max), rs_buckets = buckets_for(a->rs_max);

	a->vs_bucket_mask = vs_buckets - 1;
	a->rs_bucket_mask = rs_buckets - 1;
	a->vs = calloc(a->vs_max, sizeof(struct admin_vs *));
	a->vs_bucket = malloc(vs_buckets * sizeof(*a->vs_bucket));
	a->rs_bucket = malloc(rs_buckets * sizeof(*a->rs_bucket));
	a->vs_next = calloc(a->vs_max, sizeof(*a->vs_next));
	a->rs_slots = calloc(a->rs_max, sizeof(*a->rs_slots));
	if (a->vs == NULL || a->vs_bucket == NULL || a->vs_next == NULL || a->rs_slots == NULL
	    || a->rs_bucket == NULL)
		return -ENOMEM;
	memset(a->vs_bucket, 0xff, vs_buckets * sizeof(*a->vs_bucket));
	memset(a->rs_bucket, 0xff, rs_buckets * sizeof(*a->rs_bucket));
	return 0;
}

static int init_cores(struct admin *a) {
	for (uint16_t w = 0; w < a->n_workers; w++) {
		a->cores[w]->vs_index = build_vs_index(a, a->socket[w]);
		a->cores[w]->fwd = build_fwd(a, a->socket[w]);
		a->cores[w]->owners = build_owners(a, a->socket[w]);
		a->cores[w]->laddrs = build_laddr_set(a, w, a->socket[w]);
		a->cores[w]->spread = build_spread(a, w, a->socket[w]);
		if (a->cores[w]->vs_index == NULL || a->cores[w]->fwd == NULL
		    || a->cores[w]->owners == NULL || a->cores[w]->laddrs == NULL
		    || a->cores[w]->spread == NULL)
			return -ENOMEM;
		punt_share(a->cores[w]);
	}
	return 0;
}

int admin_init(
	struct admin *a, const struct slb_config *config, const struct rss_port *const *rss
) {
	int rc;

	a->vs_max = config->vs_max;
	a->rs_max = config->rs_max;
	a->answer_timeout_ms = ANSWER_TIMEOUT_MS;
	policies_init(a);
	laddrs_init(a, config, rss);
	spread_init(a, config);
	rc = init_tables(a);
	if (rc == 0)
		rc = init_cores(a);
	if (rc != 0)
		admin_free(a);
	return rc;
}

void admin_vs_free(struct admin *a, struct admin_vs *vs) {
	if (vs == NULL)
		return;
	policy_give(a, vs->policy);
	for (struct admin_rs *rs = vs->rs, *next; rs != NULL; rs = next) {
		next = rs->next;
		free(rs);
	}
	free(vs);
}

static void free_core(struct admin *a, struct core *c) {
	build_free(c->vs_index);
	build_free(c->fwd);
	build_free(c->owners);
	build_free(c->laddrs);
	build_free(c->spread);
	for (uint32_t slot = 0; slot < a->vs_max && c->vs != NULL; slot++)
		build_free(c->vs[slot]);
	c->vs_index = NULL;
	c->fwd = NULL;
	c->owners = NULL;
	c->laddrs = NULL;
	c->spread = NULL;
}

void admin_free(struct admin *a) {
	publish_end(a);
	for (uint32_t slot = 0; slot < a->vs_max && a->vs != NULL; slot++)
		admin_vs_free(a, a->vs[slot]);
	for (uint16_t w = 0; w < a->n_workers; w++)
		if (a->cores[w] != NULL)
			free_core(a, a->cores[w]);
	free(a->vs);
	free(a->vs_bucket);
	free(a->vs_next);
	free(a->rs_slots);
	free(a->rs_bucket);
	free(a->routes);
	free(a->neighbours);
	free(a->own);
	a->vs = NULL;
	a->vs_bucket = a->vs_next = NULL;
	a->rs_slots = NULL;
	a->rs_bucket = NULL;
	a->routes = NULL;
	a->neighbours = NULL;
	a->own = NULL;
}
