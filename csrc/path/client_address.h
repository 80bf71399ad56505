// SPDX-License-Identifier: BSD-3-Clause
// `client_address`: a VS's RS are told who their clients are (docs/decisions/0012-client-address.md), by TOA (path/toa.h) or
// by the PROXY protocol (path/proxy_protocol.h).
#pragma once

#include "path/core.h"

// Of a session whose keys are known; p is the SYN that opens it.
void client_address_begin(struct core *c, struct session *s, const struct pkt *p);

// What a client's packet of a session with extras will need. Returns by how many bytes it grows, which may be more
// than `room` only where it must; or drops the packet, as what cannot be changed.
uint32_t client_address_plan(struct core *c, struct pkt *p, uint32_t room);

// Does what was planned to a packet that is sent, or takes from an RS's what it says, before its addresses change. False: dropped.
bool client_address_put(struct core *c, struct pkt *p);

// Bytes by which a client's segment may be longer when it reaches the RS, until that has been told.
uint32_t client_address_most(const struct session *s);
