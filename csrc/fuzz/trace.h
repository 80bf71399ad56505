// SPDX-License-Identifier: BSD-3-Clause
// Tells what an input does, a line a step, as the tests and whoever looks into a finding read it.
#pragma once

#include "slb_harness_c.h"

#include <stdbool.h>

extern bool trace_on;

// `WORKER PORT SEGMENTS HANDED HEX -> VERDICT ARG HEX`
void trace_packet(
	uint16_t worker, const struct harness_packet *in, const struct harness_packet *out
);
void trace_change(const struct slb_op *op);
void trace_step(const char *what, uint32_t number);
