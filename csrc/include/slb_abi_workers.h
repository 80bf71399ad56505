// SPDX-License-Identifier: BSD-3-Clause
// The part of the C/Python boundary that is about workers and their number; follows slb_abi.h, with its conventions and its version.

// Clients are spread over the active ones. One that drains has sessions from before, one that is idle has none.
enum slb_worker_state { SLB_WORKER_IDLE = 0, SLB_WORKER_DRAINING, SLB_WORKER_ACTIVE };

// Clients are spread over the first n workers from now on, as one transaction; sessions stay where they are, and their packets find
// them. end: 1: the sessions of the other workers end at once. -EINVAL, -ENOTSUP: a port's device or method keeps it from
// being done; -ENOMEM, -ETIMEDOUT, -EBUSY, -ECANCELED.
int slb_workers_set(uint16_t n, uint8_t end, uint64_t *generation, struct slb_refused *refused);

struct slb_worker_info {
	uint16_t worker;
	uint16_t cpu;
	uint16_t lcore;
	uint16_t numa;
	uint8_t idle; // enum slb_idle
	uint8_t state; // enum slb_worker_state
	uint16_t share; // of all clients, in thousandths
	uint8_t reserved[4];
	uint64_t generation;
	uint64_t rounds; // moves while the worker lives, also when it is idle
	uint64_t busy_cycles;
	uint64_t idle_cycles;
	uint64_t rx_packets;
	uint64_t tx_packets;
	uint64_t handed_off; // to other workers
	uint64_t handed_in;
	uint64_t punted;
	uint64_t dropped;
	uint64_t sessions_active;
	uint64_t sessions_created;
	uint64_t sessions_ended;
	uint64_t sessions_recycled; // of them, ended to make room
	uint64_t sessions_reset; // by slb_session_reset(); those of TCP end a little later
	uint64_t sessions_capacity;
	uint64_t untold; // segments that should have told an RS its client's address, and could not
	uint64_t session_bytes; // memory of all sessions, index and timers included
};

int slb_worker_list(struct slb_worker_info *out, uint32_t cap);

// Bytes of IP packets of sessions, since the start: out[2 * worker] from clients to RS, and behind it the other way. Returns the number
// of workers.
int slb_worker_bytes(uint64_t *out, uint32_t cap);
