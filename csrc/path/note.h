// SPDX-License-Identifier: BSD-3-Clause
// What a worker tells the next one about a packet that it hands over, or itself about one that it holds: two words of the
// mbuf that otherwise only a driver's receive function writes.
#pragma once

#include <rte_mbuf.h>
#include <stdint.h>

enum note_flag {
	NOTE_PORTS = 1 << 0, // the ports of a fragment are known
	NOTE_SEARCH = 1 << 1, // looked for by one worker after the other
	NOTE_BARE = 1 << 2, // a fragment of a UDP datagram without checksum
	NOTE_ASKED = 1 << 3, // looked for by one worker, which asks the others
};

struct note {
	uint8_t flags; // enum note_flag
	uint8_t asked; // workers that have looked for its session
	uint8_t asker; // who asks them, counted from 1
	uint16_t sport_be;
	uint16_t dport_be;
};

// The lowest byte of the first word is the hand-over's own (steer/soft.h).
static inline void note_write(struct rte_mbuf *m, struct note note) {
	m->hash.fdir.lo =
		(uint32_t)note.asker << 24 | (uint32_t)note.asked << 16 | (uint32_t)note.flags << 8;
	m->hash.fdir.hi = (uint32_t)note.dport_be << 16 | note.sport_be;
}

static inline struct note note_read(const struct rte_mbuf *m) {
	return (struct note){
		.flags = (uint8_t)(m->hash.fdir.lo >> 8),
		.asked = (uint8_t)(m->hash.fdir.lo >> 16),
		.asker = (uint8_t)(m->hash.fdir.lo >> 24),
		.sport_be = (uint16_t)m->hash.fdir.hi,
		.dport_be = (uint16_t)(m->hash.fdir.hi >> 16),
	};
}
