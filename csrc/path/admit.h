// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "path/core.h"

// Stage of the path: what to do with packets no session was found for.
void admit(struct core *c, struct burst *b, enum source from);
