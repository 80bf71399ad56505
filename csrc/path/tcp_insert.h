// SPDX-License-Identifier: BSD-3-Clause
// Bytes put into a TCP segment.
#pragma once

#include "path/pkt.h"

// Room for `bytes` more bytes of TCP, at a place counted from the TCP header, which lies in the first segment: what is before
// it moves to the front. The packet, its IP header and *delta are those of the longer one: the checksum of IPv4 is adjusted,
// that of TCP is the caller's, who adds *delta, unfolded, for the length. NULL: there is no room, and nothing has changed.
void *tcp_insert(struct pkt *p, uint32_t at, uint32_t bytes, uint32_t *delta);
