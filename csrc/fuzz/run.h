// SPDX-License-Identifier: BSD-3-Clause
// Carries out an input: opens the engine as its head says, runs its records, lets time pass until everything must be
// over, and closes. Checks on the way (check.h).
#pragma once

#include "slb.h"

void run_input(const uint8_t *input, size_t size);
