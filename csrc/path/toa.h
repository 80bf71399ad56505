// SPDX-License-Identifier: BSD-3-Clause
// TOA, the client's port and address in a TCP option: kind 254, length 8 with IPv4 and 20 with IPv6.
#pragma once

#include "path/core.h"

uint32_t toa_bytes(const struct session *s);

// Bytes that a segment with the option is longer; UINT32_MAX: its header has no room for it, or options that cannot be read.
uint32_t toa_growth(const struct pkt *p);

// Appends the option, the client's address in the family that the client used. False: there is no room before the frame,
// and nothing has changed.
bool toa_put(struct pkt *p);

// Makes NOPs of options of a kind; the TCP checksum stays as right or wrong as it was.
void tcp_blank_options(struct pkt *p, uint8_t kind);
