// SPDX-License-Identifier: BSD-3-Clause
// The part of the C/Python boundary that is about sessions; follows slb_abi.h, with its conventions and its version.

struct slb_session_info {
	struct slb_endpoint client;
	struct slb_endpoint vs;
	struct slb_endpoint local;
	struct slb_endpoint rs;
	uint16_t worker;
	uint8_t state; // enum slb_tcp_state
	uint8_t reserved;
	uint32_t idle_ms;
	uint32_t expires_ms; // at the earliest
	uint32_t reserved2;
};

// An unset endpoint (family 0) matches everything; port_be 0 matches every port.
struct slb_session_filter {
	struct slb_endpoint client;
	struct slb_endpoint vs;
	struct slb_endpoint rs;
	int32_t worker; // -1: all
};

// Sessions that match, copied by their workers a few at a time between bursts. *cursor starts at 0 and is
// opaque; returns how many were written (0 with *cursor unchanged never happens); *cursor UINT64_MAX: done.
// A call looks at half a million entries at most, so none written does not mean that none follow.
int slb_session_list(
	const struct slb_session_filter *filter, uint64_t *cursor, struct slb_session_info *out,
	uint32_t cap
);

// Whose sessions are to end: those of an RS, or of all RS that a VS has or had (rs: family 0).
struct slb_reset {
	struct slb_endpoint vs;
	struct slb_endpoint rs;
};

// Ends the sessions that are there, a part of each worker's a call. *cursor starts at 0 and is opaque; UINT64_MAX: done. Returns how
// many were ended. *refused's `op`: index into resets. -ENOENT, of the first call alone: there is no such VS or RS, nor a removed
// one with sessions; -EINVAL, -ENOMEM, -ETIMEDOUT, -EBUSY.
int slb_session_reset(
	const struct slb_reset *resets, uint32_t n, uint64_t *cursor, struct slb_refused *refused
);
