// SPDX-License-Identifier: BSD-3-Clause
// What must hold whatever comes. A check that fails ends the process as a crash does, so that libFuzzer keeps the input.
#pragma once

#include "slb_harness_c.h"

#include <stdbool.h>

// A packet that is sent as an answer about itself, and counted as a drop all the same: a RST for want of a session, an ICMP
// error for want of hops or room.
enum answer { ANSWER_RESET = 0, ANSWER_ERROR, ANSWERS };

enum { HELD_MACS = 1024 };

// What an input's packets came to, to be compared with what the engine counted.
struct tally {
	uint16_t workers;
	uint16_t ports;
	uint16_t mtu[SLB_MAX_PORTS];
	uint16_t vlan[SLB_MAX_PORTS];
	bool untold; // RSTs of expired sessions, and SYNs of a proxy, may have been left out for want of a buffer, and they are no packets
	bool one_packet; // some UDP service may have made a session of every question
	uint64_t drops[SLB_MAX_WORKERS][SLB_DROP_COUNT];
	uint64_t answers[SLB_MAX_WORKERS][ANSWERS];
	uint8_t held_mac[HELD_MACS][6]; // that the last fragments that were held were sent to
	uint32_t n_held_mac; // ever
	uint64_t unsent[SLB_MAX_WORKERS]; // packets that were dropped as RST
	uint64_t held
		[SLB_MAX_WORKERS]; // fragments, ever; of these some were dropped when their time was over
};

void broken(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

// One packet as it went in and as it came out; in == NULL: the path made it, or had held it.
void check_packet(
	struct tally *t, uint16_t worker, const struct harness_packet *in,
	const struct harness_packet *out
);

// A frame that leaves by out->arg.
void check_sent(const struct tally *t, const struct harness_packet *out);

// Between two bursts no more mbufs are out than fragments were held.
void check_held(const struct tally *t);

// Listings, counters and sessions agree with each other and with the tally.
void check_counters(const struct tally *t);

// After all time-outs: nothing is left.
void check_over(const struct tally *t);
