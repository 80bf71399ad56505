// SPDX-License-Identifier: BSD-3-Clause
// The measurements, by the names of `./dev bench`. Each prints a line of JSON for each run of each side; sides take turns.
#pragma once

#include "bench/stopwatch.h"

#include <stdint.h>

struct request {
	uint32_t sessions;
	uint32_t runs;
};

// Established full NAT of bursts in memory, both directions, beside an exchange of addresses on the same frames.
void bench_path(const struct request *r);

// The same, and bytes of memory a session.
void bench_sessions(const struct request *r);

// The same as the first, IPv6 beside IPv4.
void bench_families(const struct request *r);

// The table's look-up of a burst beside rte_hash_lookup_bulk() with the same keys.
void bench_lookup(const struct request *r);

// A session made and ended beside an entry of rte_hash added and deleted.
void bench_life(const struct request *r);

// Two workers at once beside each of them alone; needs two CPUs.
void bench_scaling(const struct request *r);

// A reply that arrives on its worker beside one that is handed over, on another CPU if there is one.
void bench_steering(const struct request *r);

// A session made while so much of its RS's local ports is occupied.
void bench_ports(const struct request *r);

// Established full NAT through a driver: 1,000 sessions beside `sessions` of them, and an exchange of addresses.
void bench_io(const struct request *r);

// A TCP connection's life through a driver, `sessions` of them at a time, each of its packets by itself too.
void bench_tcp(const struct request *r);

// Bytes of memory a session, when there are as many as there is room for; once, whatever number of runs is asked for.
void bench_memory(const struct request *r);
void bench_memory6(const struct request *r);

// How long a packet is on its way through a worker that has nothing else to do, beside a loop that only receives and sends; needs two CPUs.
void bench_latency(const struct request *r);

// As bench_path(), with something else that has the CPU in each hundredth round of ours.
void bench_spoilt_time(const struct request *r);

// A wrong port where one is compared, which must end the process, as it must where bench/spoil.h makes packets of the others wrong.
void bench_spoilt_latency(const struct request *r);

// Keys that lead to other sessions than theirs; two sessions with the same replies.
void bench_spoilt_lookup(const struct request *r);
void bench_spoilt_replies(const struct request *r);

// Cycles a packet by stage of the path; of the program that has accounts alone, which also has bench_io() and bench_tcp().
void bench_stages(const struct request *r);

// The worst time that one worker's round spends on a change of the tables, under load; likewise. Needs two CPUs.
void bench_control(const struct request *r);
void bench_control_few(const struct request *r); // with fewer VS, for a test

// The same, and each look into the inbox that finds a part of a change takes 1 ms longer.
void bench_control_late(const struct request *r);

// The same while the sessions of one RS are ended, and of half of all RS: of UDP, and of TCP as open connections.
void bench_reset_load(const struct request *r);
void bench_reset_load_tcp(const struct request *r);

// The rounds of a walk that ends no session, and of one that ends all; us and ms.
void bench_reset(const struct request *r);

// And of those that list sessions, or move them in the timer wheel.
void bench_walks(const struct request *r);

// The frequency of the TSC, in Hz.
void bench_clock(const struct request *r);

// One line: what was measured, of which run, in which side; and one for each part that has an account, "SIDE: PART".
void bench_say(const char *side, uint32_t run, struct reading reading);
