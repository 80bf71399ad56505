// SPDX-License-Identifier: BSD-3-Clause
// What makes a packet a fragment: fields of the IPv4 header, or the fragment header of IPv6, which lies right before what p->l4
// points to (RFC 791, 3.1; RFC 8200, 4.5). For packets with PKT_FRAGMENT, and for whole ones to be cut.
#pragma once

#include "path/pkt.h"

struct frag_fields {
	uint16_t from; // place of its first byte in the datagram, a multiple of 8
	bool more; // it is not the last one
	uint32_t id; // identification
};

enum { FRAG_EXT_BYTES = 8 };

struct frag_fields frag_fields(const struct pkt *p);

// A new identification; IPv4 has the lower half of it.
void frag_set_id(struct pkt *p, uint32_t id);

// Another place, in an IPv6 header followed by a fragment header.
void frag_set_place6(void *fragment_header, uint16_t from, bool more);

// The fragment header for one that becomes IPv6.
void frag_put_ext(void *fragment_header, uint8_t proto, struct frag_fields f);
