// SPDX-License-Identifier: BSD-3-Clause
// Faults made on purpose, so that a test can see each check find one.
#pragma once

#include "slb_harness_c.h"

#include <stdbool.h>

// Remembers the fault to be made; false: there is none of this name.
bool spoil_choose(const char *name);

// Makes it to a packet that came out, or to memory.
void spoil_packet(struct harness_packet *p);
void spoil_memory(void);
