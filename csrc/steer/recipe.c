// SPDX-License-Identifier: BSD-3-Clause

#include "steer/recipe.h"

#include <string.h>

#define ONE_RULE {SLB_RULE_ANY}
#define ONE_A_KIND {SLB_RULE_TCP, SLB_RULE_UDP, SLB_RULE_ANY, SLB_RULE_FRAGMENT}
#define CANNOT {SLB_RULE_NONE}

// The first that fits counts.
static const struct recipe RECIPES[] = {
	// A rule of a destination alone becomes one of its 128 five-tuple filters, which are for IPv4.
	{.driver = "net_ixgbe", .shapes = {ONE_RULE, CANNOT}, .rules_max = 128},
	// Its filters know a packet's type before all else, and a rule without TCP or UDP is for the other types alone. All rules of a
	// type must look at the same fields, so none may look at more than the destination.
	{.driver = "net_i40e", .shapes = {ONE_A_KIND, ONE_A_KIND}},
	{.driver = "", .shapes = {ONE_RULE, ONE_RULE}},
};

const struct recipe *recipe_of(const char *driver) {
	const struct recipe *r = RECIPES;

	while (strncmp(driver, r->driver, strlen(r->driver)) != 0)
		r++;
	return r;
}

uint16_t recipe_shapes(const struct recipe *r, enum recipe_family family) {
	uint16_t n = 0;

	while (n < SHAPES_MAX && r->shapes[family][n] != SLB_RULE_NONE)
		n++;
	return n;
}
