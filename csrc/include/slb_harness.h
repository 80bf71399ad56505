// SPDX-License-Identifier: BSD-3-Clause
// The engine without ports, lcores and clock: packets are handed in as bytes, a burst at a time, and come back with their
// verdicts; time moves when told to. Follows slb_abi.h in one cffi module. Not for two threads at once.

enum harness_limit { HARNESS_FRAME = 9216, HARNESS_BURST = 128, HARNESS_SPARE = 256 };

enum harness_verdict {
	HARNESS_TX = 1,
	HARNESS_PUNT,
	HARNESS_HANDOFF,
	HARNESS_DROP,
	HARNESS_HELD,
};

struct harness_packet {
	uint32_t len; // bytes of data, in and out
	uint16_t port; // arrived on
	uint16_t
		arg; // TX: port; PUNT: 0 OSPF, 1 ARP, 2 other; HANDOFF: worker; DROP: enum slb_drop
	uint8_t verdict; // enum harness_verdict
	uint8_t handed; // 1: another worker passed it on
	uint16_t segments; // in: cut into so many mbufs; 0 and 1: one
	uint32_t note
		[2]; // what the worker that hands it over tells the next one: out with HANDOFF, in with handed
	uint8_t data[9216];
};

// Makes the cores and the admin core's tables anew; EAL starts at the first call. MACs of port i: 02:00:00:00:00:i.
int harness_open(const struct slb_config *config, char *text, uint32_t text_len);
void harness_close(void);

// Runs up to HARNESS_BURST packets through one worker's path. -EINVAL for a wrong argument, -ENOMEM without mbufs.
int harness_run(uint16_t worker, struct harness_packet *packets, uint32_t n);

// Gives the workers their rounds: ports whose receive queues, one a worker, are filled by harness_receive(), and whose
// transmit queues, of `tx_room` packets, the first `tx_queues` workers have. What a round sends, punts or hands over stays
// in its ring until it is taken. Undone by harness_close(). -EINVAL for a wrong argument, -ENOMEM without memory.
int harness_wire(uint16_t tx_queues, uint32_t tx_room);

// Puts packets into a worker's receive queues, or with the number of workers into those of the KNI core; `port` and `segments` count. -ENOSPC when a queue is full.
int harness_receive(uint16_t worker, const struct harness_packet *packets, uint32_t n);

// One round of the worker, a burst from each queue and ring; 1 when it had anything to do.
int harness_round(uint16_t worker);

// Frames from a transmit queue, or from the worker's ring to the KNI core; returns how many.
int harness_take_sent(uint16_t port, uint16_t queue, struct harness_packet *out, uint32_t cap);
int harness_take_punted(uint16_t worker, struct harness_packet *out, uint32_t cap);

// One round of the KNI core, which reads the workers' rings, the receive queue behind the workers' of every port that was given one,
// and what the kernel sends; 1 when it had anything to do. harness_take_kernel(): frames that the port's kernel interface was given.
int harness_kni_round(void);
int harness_take_kernel(uint16_t port, struct harness_packet *out, uint32_t cap);

// Has the kernel send packets, whose `port` says by which interface. -ENOSPC when that is full.
int harness_kernel_sends(const struct harness_packet *packets, uint32_t n);

// That the KNI core has dropped.
uint64_t harness_kni_dropped(uint16_t port);

// Takes what the path of a worker has made or released itself since the last call, in order; returns how many, at most cap.
int harness_take(uint16_t worker, struct harness_packet *out, uint32_t cap);

// From now on no worker has more than so many empty buffers for packets it makes, at most HARNESS_SPARE, as if the pool were
// exhausted; harness_open() gives them back.
void harness_spare(uint16_t buffers);

// Moves every worker's clock and ends what is due.
void harness_advance_ms(uint32_t ms);

// Moves every worker's clock alone, as at the beginning of a round: what is due ends after the packets that come now.
void harness_move_clock_ms(uint32_t ms);

int harness_commit(
	const struct slb_op *ops, uint32_t n, uint64_t *generation, struct slb_refused *refused
);
int harness_forward_set(
	const struct slb_route *routes, uint32_t n_routes, const struct slb_neighbour *neighbours,
	uint32_t n_neighbours, const struct slb_own_address *own, uint32_t n_own,
	uint64_t *generation, struct slb_refused *refused
);
int harness_laddr_set(
	const struct slb_laddr *laddrs, uint32_t n, uint8_t only_prepare, uint64_t *generation,
	struct slb_refused *refused
);
int harness_workers_set(uint16_t n, uint8_t end, uint64_t *generation, struct slb_refused *refused);
// Workers send what they are told to in their next round.
int harness_probe(const struct slb_address *laddr, uint32_t attempt);
int harness_probe_list(struct slb_probe_info *out, uint32_t cap);
int harness_quiesce(void);
int harness_vs_list(struct slb_vs_info *out, uint32_t cap);
int harness_rs_list(struct slb_rs_info *out, uint32_t cap);
int harness_laddr_list(struct slb_laddr_info *out, uint32_t cap);
uint64_t harness_untold(uint16_t worker);
int harness_drop_list(uint64_t *out, uint32_t cap);
int harness_worker_bytes(uint64_t *out, uint32_t cap);
int harness_session_list(
	const struct slb_session_filter *filter, uint64_t *cursor, struct slb_session_info *out,
	uint32_t cap
);
int harness_session_reset(
	const struct slb_reset *resets, uint32_t n, uint64_t *cursor, struct slb_refused *refused
);
int harness_poll_events(struct slb_event *out, uint32_t cap);

// Sessions that a worker has ended to make room for others.
uint64_t harness_recycled(uint16_t worker);

// And that slb_session_reset() has.
uint64_t harness_resets(uint16_t worker);

// mbufs not in the pool, without each worker's reserve; 0 between two calls when nothing is held and all was taken.
uint32_t harness_mbufs_in_use(void);

// Faults: a worker that does not answer, or not any more after so many parts of messages, one that missed a change, answers awaited for less
// time.
void harness_stall(uint16_t worker, uint8_t stalled);
void harness_stall_after(uint16_t worker, uint32_t parts);
void harness_set_generation(uint16_t worker, uint64_t generation);
uint64_t harness_generation(uint16_t worker);
void harness_set_answer_timeout_ms(uint32_t ms);

// The state of a TCP session after a packet; for walking every cell of the table.
uint8_t harness_tcp_next(uint8_t state, uint8_t direction, uint8_t tcp_flags);

// SipHash-2-4 of `len` bytes; the key has 16.
uint64_t harness_siphash(const uint8_t *key, const uint8_t *bytes, uint32_t len);

// What the model of a NIC has or lacks, as bits.
enum harness_nic_fault {
	HARNESS_NIC_KEY_FIXED = 1, // the key cannot be changed
	HARNESS_NIC_KEY_HIDDEN = 2, // nor read
	HARNESS_NIC_TABLE_FIXED = 4,
	HARNESS_NIC_TABLE_HIDDEN = 8,
	HARNESS_NIC_NO_PRIORITY = 16, // rules of priority 0 only
	HARNESS_NIC_NO_V6 = 32, // rules for IPv4 only
	HARNESS_NIC_COUNTS = 64, // each rule's packets, told by harness_rule_hits()
	HARNESS_NIC_TABLE_STUCK = 128, // the table is said to be written, and is not
	HARNESS_NIC_KEEPS_RULES = 256, // it takes none back
};

enum harness_nic_limit { HARNESS_NIC_RULES = 512 };

// A model of a port's NIC: what the engine asks and tells when it steers. Which queue a frame goes to follows from it.
struct harness_nic {
	char driver[32];
	uint64_t rss_types; // as rte_eth_rss_conf.rss_hf; 0: no RSS
	uint8_t key[64];
	uint16_t key_len;
	uint16_t table_len;
	uint16_t queues; // that it can have
	uint16_t rules_max; // 0: takes none
	uint16_t
		breaks_at; // the rule, counted from 1, that was checked and yet is refused; 0: none
	uint16_t faults; // enum harness_nic_fault
	uint8_t table[512]; // queues
};

struct harness_nic_rule {
	struct slb_address to;
	uint16_t queue;
	uint8_t shape; // enum slb_rule_shape
	uint8_t tagged; // 1: of frames with a VLAN tag
	uint32_t reserved;
	uint64_t hits;
};

// From the next harness_open() on; NULL: none, so the port is steered by soft.
int harness_set_nic(uint16_t port, const struct harness_nic *nic);

// The model as it is by now.
int harness_get_nic(uint16_t port, struct harness_nic *out);
int harness_nic_rule_list(uint16_t port, struct harness_nic_rule *out, uint32_t cap);

// What was chosen for it: enum slb_steer, and why in `text`; and what the engine reads as its rules' hits, -ENOTSUP if it cannot.
int harness_steering(uint16_t port, char *text, uint32_t text_len);

// From now on the NIC has these faults, enum harness_nic_fault; and how many rules it has kept that it should have given back.
int harness_nic_faults(uint16_t port, uint32_t faults);
int harness_stuck_rules(uint16_t port);
int harness_kni_queue(
	uint16_t port
); // the KNI core's own receive queue, -ENOENT if it has none, -ENODEV
int harness_rule_hits(uint16_t port, uint64_t *out, uint32_t cap);

// Replies that a worker has handed over because they came to the wrong one, by the port they came to.
uint64_t harness_misdirected(uint16_t worker, uint16_t port);

// The share that n bytes at a place have in an RSS input's hash, and DPDK's hash of a whole one; the key has 40 bytes.
uint32_t harness_toeplitz(const uint8_t *key, uint32_t at, const uint8_t *input, uint32_t n);
uint32_t harness_softrss(const uint8_t *key, const uint8_t *input, uint32_t n);

// What is chosen for a virtual device that has local addresses of both families, while a harness is open: enum slb_steer, with
// the reason in `text`; key and table of *out are what the device has, zeros if it does not tell. -errno, -ENOTSUP with a sentence.
int harness_steer(
	const char *device, uint16_t n_queues, uint16_t n_workers, uint8_t steering,
	struct harness_nic *out, char *text, uint32_t text_len
);

// What the engine says about a PCI device that DPDK has not found, from a folder like sysfs's bus/pci/devices. -EINVAL when
// `device` is no PCI address.
int harness_pci_explain(const char *folder, const char *device, char *text, uint32_t text_len);
