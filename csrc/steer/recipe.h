// SPDX-License-Identifier: BSD-3-Clause
// How each driver wants to be told "what is sent to this address goes to that queue". Facts about devices, no code for any:
// docs/decisions/0016 says where they come from.
#pragma once

#include "slb.h"

enum recipe_family { RECIPE_V4 = 0, RECIPE_V6, RECIPE_FAMILIES };

enum { SHAPES_MAX = 4 };

struct recipe {
	const char *driver; // a name that begins so; "": any
	// The rules that an address needs, up to the first SLB_RULE_NONE. None at all: the driver cannot.
	uint8_t shapes[RECIPE_FAMILIES][SHAPES_MAX]; // enum slb_rule_shape
	uint16_t rules_max; // that fit into the device; 0: as many as it takes
};

const struct recipe *recipe_of(const char *driver);

// How many rules an address of the family needs; 0: it cannot have any.
uint16_t recipe_shapes(const struct recipe *r, enum recipe_family family);
