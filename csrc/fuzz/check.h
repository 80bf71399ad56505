// SPDX-License-Identifier: BSD-3-Clause
// What must hold whatever comes. A check that fails ends the process as a crash does, so that libFuzzer keeps the input.
#pragma once

#include "slb_harness_c.h"

#include <stdbool.h>

// What an input's packets came to, to be compared with what the engine counted.
struct tally {
	uint16_t workers;
	uint16_t ports;
	uint16_t mtu[SLB_MAX_PORTS];
	uint16_t vlan[SLB_MAX_PORTS];
	bool one_packet; // some UDP service may have made a session of every question
	uint64_t drops[SLB_MAX_WORKERS][SLB_DROP_COUNT];
	uint64_t resets[SLB_MAX_WORKERS]; // sent, and counted as drops for want of a session
};

void broken(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

// One packet as it went in and as it came out.
void check_packet(
	struct tally *t, uint16_t worker, const struct harness_packet *in,
	const struct harness_packet *out
);

// A frame that leaves by out->arg.
void check_sent(const struct tally *t, const struct harness_packet *out);

// Listings, counters and sessions agree with each other and with the tally.
void check_counters(const struct tally *t);

// After all time-outs: nothing is left.
void check_over(const struct tally *t);
