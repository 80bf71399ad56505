// SPDX-License-Identifier: BSD-3-Clause
// All that one worker's path works with. Nothing here is shared between workers; who may touch a group of fields is
// written above it.
#pragma once

#include "base/clock.h"
#include "base/hash.h"
#include "base/siphash.h"
#include "path/extra.h"
#include "path/frag_table.h"
#include "path/fwd.h"
#include "path/laddr.h"
#include "path/owner.h"
#include "path/pkt.h"
#include "path/session.h"
#include "path/vs.h"
#include "path/wheel.h"

// Bits of a generation that an RS keeps.
#define RS_REMOVED_BY ((UINT32_C(1) << 31) - 1)

// Traffic of one RS on one worker. Worker writes, admin reads.
struct rs_core {
	_Alignas(64) uint64_t packets[2]; // by direction
	uint64_t bytes[2];
	uint64_t sessions;
	uint64_t active;
	uint32_t
		barren_until; // worker only: the tick after the last search for a port that found none
	uint32_t removed_at; // tick
	uint32_t removed : 1; // by the operator
	uint32_t removed_by : 31; // from this generation on, which may be about to come
	uint32_t crowded_until; // worker only: so long, what sessions give back is kept at hand
};

_Static_assert(sizeof(struct rs_core) == 64, "an RS costs a packet one cache line");

// What became of the sessions of one RS on one worker (path/answers.h). Worker writes; admin reads what it counts.
struct rs_answers {
	_Alignas(64) uint64_t answered;
	uint64_t unanswered; // ended, and still waited for the RS
	uint64_t refused; // by an RST instead of an answer
	uint64_t aborted; // by the client, before there was an answer
	uint64_t resets; // by the RS, of connections that nobody had begun to close
	uint64_t latency; // of all samples, in units of 1 << ANSWER_UNIT_SHIFT cycles
	uint32_t samples;
	uint32_t tick; // worker only: in which the last sample began
	uint32_t sent_at; // worker only: when its SYN passed, in units; 0: not yet
	uint32_t sample; // worker only: its session, plus 1; 0: there is none
};

_Static_assert(sizeof(struct rs_answers) == 64, "an RS costs a connection one more");

struct core_counters {
	uint64_t drops[SLB_DROP_COUNT];
	uint64_t created;
	uint64_t ended;
	uint64_t recycled; // of them, ended to make room
	uint64_t reset; // by the operator, or because their RS is down
	uint64_t misdirected[SLB_MAX_PORTS]; // replies for another worker, by the port they came to
	uint64_t untold; // segments that should have told an RS its client's address, and could not
	uint64_t epochs[2]; // live sessions, by the epoch they were made in (path/spread.h)
	uint64_t past_bytes[2]; // by direction: of RS whose slots others have now
};

// Tokens refill with the tick; a burst may spend a quarter of a second's worth.
struct punt_meter {
	uint64_t tokens;
	uint64_t depth;
	uint32_t per_tick;
	uint32_t tick;
};

// What a VS wants of its sessions. Admin writes one that nobody refers to.
struct policy {
	uint32_t timeout[SLB_STATE_COUNT]; // ticks
	bool one_packet; // a UDP session is over with its first reply
	uint8_t client_address; // enum slb_client_address
};

// What each end of a TCP session acknowledged last, as it said it; by direction of its packets.
struct acks {
	uint32_t last[2];
	bool known[2];
};

// Of a session whose client had its handshake with the LB (path/syn_proxy.h). Numbers are those that the client sees.
struct syn_proxy {
	uint32_t seq; // of the LB's SYN-ACK
	uint32_t stamp; // its TSval
	uint32_t seq_delta; // added to the RS's sequence numbers on the way to the client
	uint32_t ts_delta; // and to its time stamps
	uint32_t tsval; // of the client's ACK
	uint32_t due; // tick: the next SYN, or the end
	uint16_t window; // of the client's ACK, as it stood there
	uint16_t mss; // that the client announced
	uint8_t scale; // of the client's window
	bool sack; // both have it
	bool stamps;
	bool waits; // for the RS to answer
	uint8_t syns; // that it has got
	uint8_t scale_in
		[2]; // units of the window in the client's packets: as they come, and as they go
	uint8_t scale_out[2]; // and in the RS's
};

// Of a TCP session that has extras: what it takes to change more of its byte streams than their numbers.
struct stream {
	uint32_t first; // the client's first byte, in its own numbers
	struct syn_proxy proxy;
};

// How far the walk has come that follows the removal of an RS.
struct sweep {
	uint32_t at; // line
	uint32_t left; // lines
};

enum { POLICIES = 255, POLICY_NONE = 255 };

enum { WANTED_SLOTS = 64 };

struct wanted {
	struct ipaddr addr;
	uint32_t tick;
	uint16_t port;
};

struct spread;

struct core {
	// fixed before the worker starts
	uint16_t id;
	uint16_t n_workers;
	uint32_t salt;
	uint32_t punt_pps[PUNT_COUNT]; // that all workers may punt together
	uint32_t drain_tcp; // ticks that TCP sessions of a removed RS may go on; 0: any number
	bool recycle; // a full table gives up idle sessions
	bool reset_no_session; // a TCP packet without session is answered
	bool renumber; // TCP numbers towards an RS go on where the local port's last ones were
	uint16_t tcp_mss; // enum slb_mss, or the limit
	struct rs_core *rs; // by slot
	struct rs_answers *answers; // of RS, by slot
	uint64_t *
		vs_refused; // clients' packets that should have begun a session and did not, by slot; never reset
	struct laddr_use *laddr_use; // by owner_entry.slot
	struct laddr_turn *walks; // over local ports, by vs_rs.walk
	struct laddr_ahead *aheads; // of RS, by slot
	struct freed_ring *freed; // local ports
	struct acks *acks; // by session; NULL: nobody is told of an expired session
	struct stream *streams; // by session, of those with extras
	struct hash_seed number_seed;
	struct siphash_key cookie_key; // of SYN cookies, the same for all workers
	uint64_t probe_nonce; // likewise
	uint16_t least_mtu; // of all ports
	bool spread_hash[SLB_MAX_PORTS]; // this port's client packets are spread by hash here
	bool hands_on[SLB_MAX_PORTS]; // those that its device brings to idle workers are, by hash
	bool reached_idle; // one of the ports' devices does so
	uint16_t vlan_be[SLB_MAX_PORTS]; // tag of this port's frames; 0: none
	bool tagged; // one of the ports has one
	bool udp_offload[SLB_MAX_PORTS]; // this port's device makes UDP checksums

	// swapped by the worker for what the admin core built, at a burst boundary
	_Alignas(64) const struct vs_index *vs_index;
	struct vs **vs; // by slot
	const struct fwd *fwd;
	const struct owner_map
		*owners; // besides those that sessions may use, addresses whose last ones live on
	const struct laddr_set *laddrs;
	const struct spread *spread; // over which workers clients are spread
	uint64_t generation;
	uint32_t fwd_gen;
	bool quiesced; // no new sessions
	uint32_t n_removed; // RS slots marked as removed

	struct policy policies[POLICIES];

	// worker only
	_Alignas(64) struct session_table sessions;
	uint32_t now; // tick
	uint32_t proxied; // sessions with SESSION_SYN_PROXY
	uint32_t n_reset; // and with SESSION_RESET
	struct punt_meter punt[PUNT_COUNT];
	struct punt_meter resets;
	struct punt_meter errors;
	struct wheel wheel;
	struct sweep sweep;
	struct extra extra;
	struct frag_table frags;

	// worker writes, admin reads
	_Alignas(64) struct core_counters counters;
	uint64_t policy_sessions[POLICIES]; // live ones
	struct wanted wanted[WANTED_SLOTS]; // ring of neighbours that packets had to go without
	uint32_t wanted_head;
	_Alignas(64) uint32_t wanted_tail; // admin writes
};

// Memory of the kept acknowledgements.
static inline uint64_t core_acks_bytes(const struct core *c) {
	return c->acks != NULL ? (uint64_t)c->sessions.lines * sizeof(*c->acks) : 0;
}

// The RS is removed: its sessions are on their way out.
static inline bool core_rs_removed(const struct core *c, const struct rs_core *rs) {
	uint32_t since = ((uint32_t)c->generation - rs->removed_by) & RS_REMOVED_BY;

	return rs->removed && since <= RS_REMOVED_BY / 2;
}

// Few of the local ports towards it are left, so what its sessions give back is kept at hand.
static inline bool core_rs_crowded(const struct core *c, const struct rs_core *rs) {
	return !clock_reached(c->now, rs->crowded_until);
}

// No host that could be answered sends from here: it has no address that routes lead to, or one of our own, which would
// make the engine answer itself.
bool core_bad_source(const struct core *c, struct ipaddr src);

static inline void core_count_drop(struct core *c, enum slb_drop reason) {
	c->counters.drops[reason]++;
}
