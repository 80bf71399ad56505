// SPDX-License-Identifier: BSD-3-Clause
// Between the families (RFC 7915): the IP header is replaced by one of the other family, with the session's addresses.
#pragma once

#include "path/pkt.h"

// Bytes of the packet after translation, IP header included; p's session has sides of different families.
uint32_t translated_len(const struct pkt *p);

// Whether an IPv4 packet of so many bytes, made from an IPv6 one, may not be fragmented.
bool translated_stays_whole(uint32_t len);

// Replaces the packet's IP header and moves its Ethernet header; p->ip4 or p->ip6 and p->kind are then those of the new
// packet, its hop limit is one less, and the L4 checksum is left to the caller. False: dropped.
bool translate(struct pkt *p);
