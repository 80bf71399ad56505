// SPDX-License-Identifier: BSD-3-Clause
// The part of the C/Python boundary that is about what the steering has told devices, and its probes; follows slb_abi.h, with its conventions and its version.

// What is sent to a local address goes to its worker, and what is for routers or the port's own address to the KNI core.
struct slb_rule_info {
	struct slb_address addr;
	uint16_t port;
	uint16_t worker; // SLB_RULE_KNI: the KNI core
	uint8_t shape; // enum slb_rule_shape
	uint8_t counted; // 1: the device counts
	uint8_t stuck; // 1: its address is gone, and the device would not give it back
	uint8_t reserved;
	uint64_t hits;
};

int slb_rule_list(struct slb_rule_info *out, uint32_t cap);

// What a probe of the steering looks like to a device: its rules and its RSS may differ by protocol.
enum slb_probe { SLB_PROBE_TCP = 0, SLB_PROBE_UDP, SLB_PROBE_COUNT };

// Sends probes to a local address: out to a next hop that is to send them back, some of TCP and some of UDP for each worker that the address's
// packets go to. Of several next hops `attempt` chooses one. Returns how many the workers were told to send, without
// waiting for them: 0 where no next hop's MAC is known, or the port has no address of its own of the family. -ESHUTDOWN.
int slb_probe(const struct slb_address *laddr, uint32_t attempt);

// Probes to a local address that a worker has seen, by enum slb_probe. Of each address in use there is a row for every worker that it is
// for, and for others that have seen any.
struct slb_probe_info {
	struct slb_address addr;
	uint16_t worker;
	uint16_t port;
	uint8_t method; // enum slb_steer: of this address
	uint8_t expected; // 1: the worker is one that it is for
	uint8_t reserved[2];
	uint32_t reserved2;
	uint64_t right[2]; // that came to the worker they are for, this one
	uint64_t elsewhere[2]; // for another worker, to which they were handed
	uint64_t handed[2]; // for this one, handed over by another
};

int slb_probe_list(struct slb_probe_info *out, uint32_t cap);
