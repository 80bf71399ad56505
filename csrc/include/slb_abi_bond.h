// SPDX-License-Identifier: BSD-3-Clause
// The part of the C/Python boundary that is about ports of several devices; comes before slb_abi.h, whose conventions and version it has.

enum slb_bond_limit { SLB_MAX_MEMBERS = 8 };

// How a bond uses its members: one of them at a time, or all, with or without LACP's consent of the switch.
enum slb_bond_mode {
	SLB_BOND_NONE = 0,
	SLB_BOND_ACTIVE_BACKUP,
	SLB_BOND_BALANCE_XOR,
	SLB_BOND_LACP,
	SLB_BOND_COUNT,
};

// What of a packet decides by which member it leaves: MACs, MACs and IP addresses, or IP addresses and ports.
enum slb_bond_policy { SLB_BOND_L2 = 0, SLB_BOND_L23, SLB_BOND_L34, SLB_BOND_POLICY_COUNT };

enum slb_bond_primary { SLB_BOND_NO_PRIMARY = 255 };

// Of a bond's member. Waiting: its link is up, but LACP has not agreed with the switch that it carries packets.
enum slb_member_state {
	SLB_MEMBER_DOWN = 0,
	SLB_MEMBER_STANDBY,
	SLB_MEMBER_WAITING,
	SLB_MEMBER_ACTIVE,
};

// A port of several devices; mode none: the port is one device.
struct slb_bond_config {
	uint8_t mode; // enum slb_bond_mode
	uint8_t policy; // enum slb_bond_policy
	uint8_t primary; // of active-backup: the member that is used whenever its link is up, or SLB_BOND_NO_PRIMARY
	uint8_t dedicated_queues; // 1: LACP's frames have queues of their own
	uint16_t n_members;
	uint16_t reserved;
	char members[8][256]; // each as slb_port_config.device
};

// A device of a port that is a bond, in the configuration's order.
struct slb_member_info {
	char device[64]; // its name in its bus
	char driver[32];
	uint16_t port;
	uint8_t state; // enum slb_member_state
	uint8_t link; // enum slb_link
	uint32_t speed_mbps;
	uint64_t rx_packets;
	uint64_t rx_bytes;
	uint64_t tx_packets;
	uint64_t tx_bytes;
	uint64_t lost; // missed on receipt, without a buffer, or errors both ways
};

// Of all bonds, as the other listings.
int slb_member_list(struct slb_member_info *out, uint32_t cap);
