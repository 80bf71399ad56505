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

// To what the engine lists or answers: sessions, an RS, the generation after a change.
void spoil_sessions(struct slb_session_info *page, int *n);
void spoil_server(struct slb_rs_info *rs);
void spoil_commit(uint64_t *generation);

// To the time that passes before everything must be over, in milliseconds.
uint32_t spoil_time(uint32_t ms);
