// SPDX-License-Identifier: BSD-3-Clause
// What an operation may ask for. All return 0, or -errno with *refused filled in.
#pragma once

#include "admin/admin.h"

// Values and addresses of the operation alone.
int check_op(const struct admin *a, const struct slb_op *op, struct slb_refused *refused);

int check_vs_exists(const struct slb_op *op, bool exists, struct slb_refused *refused);

int check_rs(
	const struct admin_vs *vs, bool exists, const struct slb_op *op, struct slb_refused *refused
);
