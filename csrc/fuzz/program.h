// SPDX-License-Identifier: BSD-3-Clause
// What an input of the fuzzer says: a struct fuzz_head, then records, each beginning with its kind. Any bytes are an input:
// a kind is taken modulo FUZZ_KINDS, numbers modulo what there is, and a record cut short ends the input. Plain
// declarations only, because the tests read them too. Two-byte fields are in network order.

// Of an input, what goes beyond is not looked at.
enum fuzz_limit {
	FUZZ_MAX_WORKERS = 4,
	FUZZ_MAX_PACKETS = 512,
	FUZZ_MAX_RECORDS = 256,
	FUZZ_MAX_WAIT_MS = 1000000,
	FUZZ_MAX_OPS = 16, // in one transaction
	FUZZ_MAX_PIECES = 16, // of a cut frame
	FUZZ_SPARE = 64, // buffers that a worker has for packets it makes
	FUZZ_KEPT = 16, // frames that came out and can be answered
};

// How the engine is opened.
struct fuzz_head {
	uint8_t shape; // workers 1 + bits 0-1; a second port if bit 2; spread by hash on port 0, 1: bits 3, 4;
	// VLAN 100 on port 0, 1: bits 5, 6; NICs that steer some replies by rules and the others by RSS: bit 7
	uint8_t sizes; // MTU of port 0, 1: bits 0-1, 2-3; sessions: bit 4; few punts a second: bit 5;
	// built-in time-outs if bits 6 and 7, else short ones, which cost less to wait for
	uint8_t tcp; // RST without session: bit 0; numbers as they come: bit 1; RST to both ends when a session expires: bit 2;
	// little room for fragments: bit 3; a full table recycled: bit 4; MSS off, auto, 536, 1200: bits 5-6;
	// drain at once: bit 7
	uint8_t services; // bit set: this group of VS is not there; bit 7: TCP ones have SYN proxy
	uint8_t view; // of forwarding, at the start: bits 0-5; RS of TCP services are told their client: bits 6-7, as enum
	// slb_client_address, or 3: some so, some so
	uint8_t timeouts; // of the VS at the start, as in a change; the next VS has the next ones
};

enum fuzz_kind {
	FUZZ_NOTHING = 0, // one byte
	FUZZ_FRAME, // struct fuzz_frame and the frame
	FUZZ_REPLY, // struct fuzz_reply: the other end's answer to a frame that came out
	FUZZ_QUOTE, // struct fuzz_quote: an ICMP error about a frame that came out
	FUZZ_REPEAT, // struct fuzz_repeat: the last frame again, from other clients
	FUZZ_WAIT, // struct fuzz_wait: time passes
	FUZZ_CHANGE, // struct fuzz_change: VS and RS come and go
	FUZZ_ROUTES, // struct fuzz_routes: another view of forwarding
	FUZZ_QUIESCE, // struct fuzz_quiesce
	FUZZ_STARVE, // struct fuzz_starve: memory runs short
	FUZZ_RESET, // struct fuzz_reset: sessions end on demand
	FUZZ_KINDS,
};

// Where and how a packet arrives. Packets are collected into a burst until it is full, the next one goes to another
// worker, or something else happens.
enum fuzz_place {
	FUZZ_WORKER = 3, // number modulo workers
	FUZZ_PORT = 1 << 2,
	FUZZ_BURST_ENDS = 1 << 3,
	FUZZ_SEGMENTS = 3 << 4, // 0: one
	FUZZ_HANDED_LATE = 1 << 6, // what is handed over arrives after the next change or wait
	FUZZ_OTHER_PORT = 1 << 7, // a reply does not come in where the frame went out
};

// What is made right before a packet is sent; what is not keeps what the bytes say.
enum fuzz_fix {
	FUZZ_FIX_LENGTH = 1 << 0, // of IP and UDP
	FUZZ_FIX_IP_SUM = 1 << 1,
	FUZZ_FIX_L4_SUM = 1 << 2,
	FUZZ_FIX_TAG = 1 << 3, // the tag of the port's VLAN is put on
	FUZZ_FIX_ALL = 15,
};

// Fragments: bits 0-4 say how long the pieces are, 0: none, else 8 bytes times that.
enum fuzz_cut {
	FUZZ_CUT_SIZE = 31,
	FUZZ_CUT_SHUFFLE = 1 << 5,
	FUZZ_CUT_OVERLAP = 1 << 6,
	FUZZ_CUT_LOSE = 1 << 7,
};

struct fuzz_frame {
	uint8_t kind;
	uint8_t place; // enum fuzz_place
	uint8_t fix; // enum fuzz_fix
	uint8_t cut; // enum fuzz_cut
	uint8_t len_be[2];
};

struct fuzz_reply {
	uint8_t kind;
	uint8_t place;
	uint8_t fix;
	uint8_t cut;
	uint8_t which; // 0: the frame that came out last, 1: the one before
	uint8_t tcp_flags;
	uint8_t payload_be[2]; // bytes
	uint8_t patch_at; // this byte behind the Ethernet header
	uint8_t patch; // is changed by so much before anything is made right
};

struct fuzz_quote {
	uint8_t kind;
	uint8_t place;
	uint8_t fix;
	uint8_t cut;
	uint8_t which;
	uint8_t type;
	uint8_t code;
	uint8_t sender; // even: a router; odd: the frame's receiver
	uint8_t mtu_be[2];
	uint8_t quoted; // bytes / 4
	uint8_t patch_at; // this byte of the quotation
	uint8_t patch;
};

// What differs from one repetition to the next.
enum fuzz_stride {
	FUZZ_BY_PORT = 0,
	FUZZ_BY_ADDRESS,
	FUZZ_BY_IP_ID,
	FUZZ_BY_NOTHING,
	FUZZ_STRIDES
};

struct fuzz_repeat {
	uint8_t kind;
	uint8_t place;
	uint8_t stride; // enum fuzz_stride
	uint8_t count; // modulo 64
};

struct fuzz_wait {
	uint8_t kind;
	uint8_t time; // (1 + bits 0-3) * 50 ms << bits 4-6
};

struct fuzz_change {
	uint8_t kind;
	uint8_t op; // enum slb_op_kind - 1, modulo 6; bit 7: the next record belongs to the same transaction
	uint8_t vs;
	uint8_t rs;
	uint8_t weight;
	uint8_t scheduler; // bits 0-3, modulo one more than there are; SYN proxy: bit 4; enum slb_client_address: bits 5-6;
	// one packet a session: bit 7
	uint8_t timeouts; // 0: the engine's; else a bit for each state but the first two, which has its own
};

struct fuzz_routes {
	uint8_t kind;
	uint8_t view;
};

struct fuzz_quiesce {
	uint8_t kind;
};

struct fuzz_reset {
	uint8_t kind;
	uint8_t vs;
	uint8_t rs; // bit 7: all of the VS
};

struct fuzz_starve {
	uint8_t kind;
	uint8_t spare; // buffers that each worker has from now on for packets it makes; modulo one more than there may be
	uint8_t fails; // of the allocations of the next change or view this one; 0: none
};
