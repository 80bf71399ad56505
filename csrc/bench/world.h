// SPDX-License-Identifier: BSD-3-Clause
// Workers with a service, as many sessions as wanted, and no ports: what the measurements run on.
#pragma once

#include "path/core.h"

#include <stdbool.h>
#include <stdint.h>

enum { WORLD_RS = 64, WORLD_LADDRS = 16, WORLD_RS_PORT = 8080 }; // local addresses of each worker

struct world_size {
	uint16_t workers;
	uint16_t rs;
	uint16_t laddrs; // of each worker, WORLD_LADDRS at most
	uint32_t sessions; // of each worker
	uint32_t vs_more, rs_more; // room for other services
	bool v6; // clients, VIP, RS and local addresses are of IPv6
	bool tcp; // the service is TCP's, not UDP's
};

// Starts EAL: `megabytes` of memory, in hugepages or not, on these CPUs, the first of which this thread then runs on. Once.
// Ends the process with a sentence when it cannot.
void world_start(uint32_t megabytes, bool huge, const char *cpus);

// Makes the workers anew; ends the process with a sentence when it cannot.
void world_open(const struct world_size *size);

struct core *world_core(uint16_t worker);

// The service's VS as a worker has it.
struct vs *world_vs(uint16_t worker);

// What ends the sessions of the so manyth RS, of IPv4 over UDP.
struct slb_reset world_reset(uint32_t rs);

// Sends the first packets of so many clients, and an answer to each, so that all have a session; checks these.
void world_fill(uint16_t worker, uint32_t sessions);

// Ends the process if two sessions have the same replies, or one is not between an RS of the service and a local address.
void world_check(const struct core *c);

// Whether the frame, as it is to be sent, has right checksums and goes from a local address to an RS of the service.
bool world_is_to_rs(const struct rte_mbuf *m);

// The same for an ACK by IPv4, as it asks the ends of a session that is reset; it may go from the VIP to a client instead.
bool world_is_question(const struct rte_mbuf *m);

// Empty mbufs of the world's pool, `n` of them, until the process ends.
struct rte_mbuf **world_mbufs(uint32_t n);

// malloc() that ends the process rather than return NULL.
void *world_memory(size_t bytes);

_Noreturn void world_fail(const char *what);
