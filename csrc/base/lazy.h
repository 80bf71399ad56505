// SPDX-License-Identifier: BSD-3-Clause
// Large arrays of which most places may never be used: zeroed memory that takes a page only when one is first written, on
// the NUMA node of the CPU that writes it. For what belongs to few sessions; what every session has lies in hugepages.
#pragma once

#include <stdint.h>

// NULL: the system refuses.
void *lazy_new(uint64_t bytes);

// bytes: as given to lazy_new(); memory may be NULL.
void lazy_free(void *memory, uint64_t bytes);
