// SPDX-License-Identifier: BSD-3-Clause
// The whole C/Python boundary. C includes it through slb.h; cffi reads this very text, so it holds plain
// declarations only: no #include, #if, attribute, static inline or computed #define. So do slb_abi_bond.h,
// which comes before it, and slb_abi_session.h, slb_abi_workers.h and slb_abi_probe.h, which follow it.
//
// Conventions: sizes are fixed; `_be` names are in network byte order, all others in host order; an address is 16 bytes, an IPv4
// address in the first four and zeros after; buffers belong to the caller; a call returns 0 or a count, or -errno. Listing calls
// return how many elements exist, of which at most `cap` were written. Every call may block and none calls back into Python.

#define SLB_ABI_VERSION 27

enum slb_limit {
	SLB_NAME_LEN = 32,
	SLB_DEVICE_LEN = 256,
	SLB_TEXT_LEN = 256,
	SLB_IFNAME_LEN = 16,
	SLB_MAX_WORKERS = 32,
	SLB_MAX_PORTS = 8,
	SLB_MAX_LADDRS = 1024,
	SLB_MAX_OWN = 32,
	SLB_MAX_RS_PER_VS = 4096,
	SLB_MAX_WEIGHT = 1000,
	SLB_MAX_RESETS = 4096,
};

enum slb_proto { SLB_PROTO_ICMP = 1, SLB_PROTO_TCP = 6, SLB_PROTO_UDP = 17, SLB_PROTO_ICMP6 = 58 };

// What a TCP packet gets that belongs to no session and does not begin one.
enum slb_no_session { SLB_NO_SESSION_DROP = 0, SLB_NO_SESSION_RESET };

// What both ends of a TCP connection get when their session ends before the connection does.
enum slb_expired { SLB_EXPIRED_DROP = 0, SLB_EXPIRED_RESET };

// Clamping of the MSS that the two ends of a TCP connection announce; any other value is the limit itself.
enum slb_mss { SLB_MSS_OFF = 0, SLB_MSS_AUTO = 1 };

// How the RS of a TCP service are told who their clients are.
enum slb_client_address {
	SLB_CLIENT_ADDRESS_NONE = 0,
	SLB_CLIENT_ADDRESS_TOA,
	SLB_CLIENT_ADDRESS_PROXY_V2,
	SLB_CLIENT_ADDRESS_COUNT,
};

enum slb_sched { SLB_SCHED_RR = 0, SLB_SCHED_WRR, SLB_SCHED_SH, SLB_SCHED_COUNT };

// Whether a device checks and makes checksums. Auto: real ones do, where they can; virtual ones would do it in software.
enum slb_checksum_offload { SLB_OFFLOAD_AUTO = 0, SLB_OFFLOAD_ON, SLB_OFFLOAD_OFF };

enum slb_idle { SLB_IDLE_BUSY = 0, SLB_IDLE_ADAPTIVE };

// Unknown: the driver asks the kernel about an interface that is in another network namespace by now.
enum slb_link { SLB_LINK_DOWN = 0, SLB_LINK_UP, SLB_LINK_UNKNOWN };

enum slb_kni_kind { SLB_KNI_NONE = 0, SLB_KNI_TAP, SLB_KNI_VHOST };

// How a port is to steer replies, auto: as well as its device can, else that method and no better one; and how it does.
enum slb_steering {
	SLB_STEERING_AUTO = 0,
	SLB_STEERING_FLOW,
	SLB_STEERING_RSS_PORT,
	SLB_STEERING_SOFT,
};
enum slb_steer { SLB_STEER_SINGLE = 0, SLB_STEER_SOFT, SLB_STEER_RSS_PORT, SLB_STEER_FLOW };

// What of an address's packets a device's rule is for. Any: all, or what no other of its rules is for.
enum slb_rule_shape {
	SLB_RULE_NONE = 0,
	SLB_RULE_ANY,
	SLB_RULE_TCP,
	SLB_RULE_UDP,
	SLB_RULE_FRAGMENT,
};

enum slb_rule_owner { SLB_RULE_KNI = 65535 };

// Who spreads a port's client packets over the workers: its own queues, or the receiving worker by hash.
enum slb_spread { SLB_SPREAD_QUEUES = 0, SLB_SPREAD_HASH };

// Why a packet was dropped; docs/drops.md has a line for each.
enum slb_drop {
	SLB_DROP_SHORT = 0,
	SLB_DROP_BAD_VERSION,
	SLB_DROP_BAD_IHL,
	SLB_DROP_BAD_LENGTH,
	SLB_DROP_L4_SHORT,
	SLB_DROP_BAD_SOURCE,
	SLB_DROP_NOT_FOR_US,
	SLB_DROP_MULTI_SEGMENT,
	SLB_DROP_VLAN,
	SLB_DROP_EXT_HEADER,
	SLB_DROP_FRAGMENT,
	SLB_DROP_FRAGMENT_OVERLAP,
	SLB_DROP_FRAGMENT_LIMIT,
	SLB_DROP_FRAGMENT_TIMEOUT,
	SLB_DROP_PROTOCOL,
	SLB_DROP_TTL,
	SLB_DROP_NO_VS,
	SLB_DROP_NO_SESSION,
	SLB_DROP_SESSION_RESET,
	SLB_DROP_STEERING_PROBE,
	SLB_DROP_NOT_SYN,
	SLB_DROP_SYN_COOKIE,
	SLB_DROP_SYN_PROXY,
	SLB_DROP_SYN_STAMPS,
	SLB_DROP_NO_RS,
	SLB_DROP_NO_LOCAL_PORT,
	SLB_DROP_SESSION_FULL,
	SLB_DROP_NO_ROUTE,
	SLB_DROP_NO_NEIGHBOUR,
	SLB_DROP_MTU,
	SLB_DROP_CLIENT_ADDRESS,
	SLB_DROP_UNTRANSLATABLE,
	SLB_DROP_ICMP,
	SLB_DROP_BAD_CHECKSUM,
	SLB_DROP_PUNT_RATE,
	SLB_DROP_PUNT_FULL,
	SLB_DROP_PUNT_NO_KNI,
	SLB_DROP_HANDOFF_FULL,
	SLB_DROP_TX_FULL,
	SLB_DROP_NO_MBUF,
	SLB_DROP_STOPPING,
	SLB_DROP_COUNT,
};

enum slb_tcp_state {
	SLB_TCP_NONE = 0,
	SLB_TCP_SYN_SENT,
	SLB_TCP_SYN_RECV,
	SLB_TCP_ESTABLISHED,
	SLB_TCP_FIN_WAIT,
	SLB_TCP_CLOSE_WAIT,
	SLB_TCP_LAST_ACK,
	SLB_TCP_TIME_WAIT,
	SLB_TCP_CLOSE,
	SLB_UDP_ONEWAY,
	SLB_UDP_REPLIED,
	SLB_STATE_COUNT,
};

// What the admin core refused, and where.
enum slb_refusal {
	SLB_REFUSED_NONE = 0,
	SLB_REFUSED_BAD_ADDRESS,
	SLB_REFUSED_BAD_VALUE,
	SLB_REFUSED_VS_EXISTS,
	SLB_REFUSED_VS_UNKNOWN,
	SLB_REFUSED_RS_EXISTS,
	SLB_REFUSED_RS_UNKNOWN,
	SLB_REFUSED_VS_FULL,
	SLB_REFUSED_RS_FULL,
	SLB_REFUSED_NO_MEMORY,
	SLB_REFUSED_WORKER,
	SLB_REFUSED_ADDRESS_IN_USE,
	SLB_REFUSED_NO_LOCAL_ADDRESS,
	SLB_REFUSED_NO_SESSIONS,
	SLB_REFUSED_LADDR_FULL,
	SLB_REFUSED_STEERING,
};

enum slb_op_kind {
	SLB_OP_VS_ADD = 1,
	SLB_OP_VS_EDIT,
	SLB_OP_VS_DEL,
	SLB_OP_RS_ADD,
	SLB_OP_RS_EDIT,
	SLB_OP_RS_DEL,
};

enum slb_event_kind { SLB_EVENT_NEIGHBOUR_WANTED = 1 };

struct slb_address {
	uint8_t bytes[16];
	uint8_t family; // 4 or 6
	uint8_t reserved[3];
};

struct slb_endpoint {
	struct slb_address addr;
	uint16_t port_be;
	uint8_t proto; // enum slb_proto; 0 where the VS gives it
	uint8_t reserved;
};

// ---- start and stop ----

struct slb_laddr_config {
	struct slb_address addr;
	uint16_t worker; // that has it, unless the port's steering makes it one of all workers
	uint16_t port;
};

struct slb_own_config {
	struct slb_address addr;
	uint8_t len; // of its network's prefix
	uint8_t reserved[3];
};

struct slb_port_config {
	char name[32];
	char device
		[256]; // PCI address, or a vdev with its arguments: net_tap0,iface=lan0; empty: a bond
	char kni_name[16];
	uint8_t mac[6]; // all zero: the device's own
	uint16_t mtu;
	uint16_t rx_desc;
	uint16_t tx_desc;
	uint16_t max_queues; // 0: one a worker as far as the device has them
	uint8_t kni_kind; // enum slb_kni_kind
	uint8_t spread_hash; // 1: never trust the device to spread clients over its queues
	uint8_t checksum_offload; // enum slb_checksum_offload
	uint8_t steering; // enum slb_steering
	uint16_t vlan; // frames carry this tag; 0: none
	uint16_t n_own;
	struct slb_own_config own[32]; // the port's own addresses, as many as there is room for
	struct slb_bond_config bond;
};

#define SLB_RING_PLACE_OWN 255

struct slb_config {
	uint32_t abi_version;
	uint16_t n_workers; // that are made ready
	uint16_t n_active; // of these, that clients are spread over at first; 0: all
	uint16_t n_ports;
	uint16_t n_laddrs;
	uint16_t admin_cpu;
	uint16_t kni_cpu;
	uint16_t worker_cpus[32];
	uint8_t worker_idle[32]; // enum slb_idle, each worker its own
	uint8_t admin_idle;
	uint8_t kni_idle;
	uint8_t use_hugepages;
	uint8_t log_level; // as rte_log: 4 errors … 8 debug, for EAL and the drivers
	uint8_t telemetry; // 1: DPDK's own, by a socket in EAL's runtime directory
	uint8_t shared_memory; // 1: DPDK's tools may attach; with hugepages alone
	uint8_t ring_place; // of "ring_mp_mc" among the kinds of pools of these tools; SLB_RING_PLACE_OWN: as it is here
	uint32_t memory_mb; // 0: sized from the rest
	uint32_t sessions; // per worker, between IPv4 and IPv4
	uint32_t sessions6; // per worker, with IPv6 on one side or both; 0: none
	uint32_t mbufs; // per NUMA node that has a port
	uint32_t vs_max;
	uint32_t rs_max;
	uint32_t punt_ospf_pps; // whole process; each worker polices its share
	uint32_t punt_arp_pps;
	uint32_t punt_other_pps;
	uint32_t timeout_s[11]; // per state, enum slb_tcp_state; 0: built-in
	uint32_t drain_tcp_s; // TCP sessions of a removed RS end after so long; 0: by themselves
	uint16_t tcp_mss; // enum slb_mss, or the limit
	uint8_t tcp_no_session; // enum slb_no_session
	uint8_t recycle; // 1: a full session table gives up idle UDP, half-open and finished sessions
	uint8_t tcp_renumber; // 1: sequence numbers and time stamps towards an RS go on where the port's last user was
	uint8_t tcp_expired; // enum slb_expired
	uint8_t reserved2[2];
	uint32_t frag_datagrams; // per worker, whose fragments are under way at once
	uint32_t frag_held; // per worker, fragments that wait for their first
	char file_prefix[32]; // of EAL's files; "": slb
	struct slb_port_config ports[8];
	struct slb_laddr_config laddrs[1024];
};

// Starts EAL, ports, pools and lcores, and returns when every lcore's loop runs. Once a process. On
// failure returns -errno with one sentence in `text`, and everything it had created is gone.
int slb_open(const struct slb_config *config, char *text, uint32_t text_len);

// From now on no new sessions; packets of existing ones still pass.
int slb_quiesce(void);

// Stops lcores, closes ports, frees all. Safe after a failed open.
void slb_close(void);

uint32_t slb_abi_version(void);
const char *slb_dpdk_version(void);

// Where DPDK's own tools have their drivers from, and what must be in the same place in their list of kinds of pools as here.
struct slb_drivers {
	const char *folder;
	const char *pool_kind;
	uint32_t kind_bytes; // of an entry of that list
};

void slb_drivers_of_tools(struct slb_drivers *out);

// ---- changes ----

struct slb_op {
	uint8_t kind; // enum slb_op_kind
	uint8_t scheduler; // enum slb_sched; VS_ADD, VS_EDIT
	uint16_t weight; // 0 drains; RS_ADD, RS_EDIT
	uint8_t one_packet; // 1: a UDP session is over with its first reply; VS_ADD, VS_EDIT
	uint8_t client_address; // enum slb_client_address; VS_ADD, VS_EDIT
	uint8_t syn_proxy; // 1: clients' handshakes are answered before there is a session; VS_ADD, VS_EDIT
	uint8_t reserved;
	struct slb_endpoint vs;
	struct slb_endpoint rs;
	uint32_t timeout_s[11]; // per state, 0: the engine's; VS_ADD, VS_EDIT
};

struct slb_refused {
	uint32_t op; // index into ops
	uint16_t reason; // enum slb_refusal
	uint16_t worker; // which worker, for SLB_REFUSED_WORKER and SLB_REFUSED_NO_MEMORY
	char text[256];
};

// One transaction: applied on every worker, or on none. On success *generation is what every worker
// acknowledged. -EINVAL, -EEXIST, -ENOENT, -ENOSPC, -ENOMEM, -ETIMEDOUT with *refused filled in.
int slb_commit(
	const struct slb_op *ops, uint32_t n, uint64_t *generation, struct slb_refused *refused
);

struct slb_route {
	struct slb_address prefix;
	struct slb_address gateway; // family 0: directly connected
	uint8_t len;
	uint8_t reserved;
	uint16_t port;
};

struct slb_neighbour {
	struct slb_address addr;
	uint8_t mac[6];
	uint16_t port;
};

struct slb_own_address {
	struct slb_address addr;
	uint16_t port;
	uint16_t reserved;
};

// Replaces the whole forwarding view of every worker, as one transaction.
int slb_forward_set(
	const struct slb_route *routes, uint32_t n_routes, const struct slb_neighbour *neighbours,
	uint32_t n_neighbours, const struct slb_own_address *own, uint32_t n_own,
	uint64_t *generation, struct slb_refused *refused
);

struct slb_laddr {
	struct slb_address addr;
	uint16_t port;
	uint16_t reserved;
};

// Replaces the set of local addresses, as one transaction. Those that stay keep worker and port; one that comes goes to the worker
// with the fewest; one that goes gets no new sessions, and stays until its last has ended. only_prepare: 1: those that come can be
// probed, and wait for the next call. *refused's `op`: index into laddrs. -EINVAL, -ENOSPC, -ENOMEM, -ETIMEDOUT, -EBUSY, -ECANCELED.
int slb_laddr_set(
	const struct slb_laddr *laddrs, uint32_t n, uint8_t only_prepare, uint64_t *generation,
	struct slb_refused *refused
);

// ---- readings ----

// What became of sessions: of `sessions` ever created these have been decided, the others wait for their RS. Of TCP an RS answers by
// its SYN-ACK, of UDP by its first datagram. With SYN proxy a session begins with the SYN that the RS gets.
struct slb_answers {
	uint64_t answered;
	uint64_t unanswered; // the session ended, and still waited
	uint64_t refused; // the RS sent an RST instead
	uint64_t aborted; // the client sent one first
	uint64_t
		resets; // RSTs by RS that had answered, of connections that neither end had begun to close
	uint64_t
		latency_us; // from SYN to SYN-ACK, the sum of all samples; of SYNs that were sent once
	uint64_t samples; // no more than one in 1/16 s, by each worker
};

struct slb_traffic {
	uint64_t in_packets; // client to RS
	uint64_t in_bytes;
	uint64_t out_packets; // RS to client
	uint64_t out_bytes;
	uint64_t sessions; // ever created
	uint64_t active; // now
	struct slb_answers answers;
};

struct slb_vs_info {
	struct slb_endpoint vs;
	uint8_t scheduler;
	uint8_t one_packet;
	uint8_t client_address;
	uint8_t syn_proxy;
	uint32_t n_rs; // configured
	uint32_t draining_rs; // of these with weight 0
	uint32_t removed_rs; // besides these: deleted, their sessions still live
	uint32_t timeout_s[11]; // as in slb_op
	uint32_t reserved2;
	uint64_t generation; // that last changed it
	struct slb_traffic traffic;
	uint64_t refused; // first packets of clients: no RS, no local port, no room
};

struct slb_rs_info {
	struct slb_endpoint vs;
	struct slb_endpoint rs;
	uint16_t weight;
	uint8_t removed; // 1: deleted, its sessions still live
	uint8_t vs_removed; // 1: so was its VS; there may be one with the same key again
	uint8_t reserved[4];
	struct slb_traffic traffic; // also what was counted before it was deleted and added again
};

struct slb_port_info {
	char name[32];
	char driver[32];
	char kni_name[16];
	uint8_t mac[6];
	uint16_t mtu;
	uint8_t link; // enum slb_link
	uint8_t kni_kind;
	uint8_t steer; // enum slb_steer
	uint8_t spread; // enum slb_spread
	uint16_t rx_queues;
	uint16_t tx_queues;
	uint32_t speed_mbps;
	char steer_reason[256]; // why no better method
	uint8_t rx_checksum; // 1: the device checks IPv4 headers
	uint8_t tx_checksum; // 1: the device makes UDP checksums
	uint8_t kni_queue; // 1: the KNI core has a receive queue of its own, to which rules lead
	uint8_t reserved;
	uint64_t rx_packets;
	uint64_t rx_bytes;
	uint64_t rx_missed;
	uint64_t rx_no_mbuf;
	uint64_t rx_errors;
	uint64_t tx_packets;
	uint64_t tx_bytes;
	uint64_t tx_errors;
	uint64_t kni_to_kernel;
	uint64_t kni_from_kernel;
	uint64_t kni_dropped;
	uint64_t misdirected; // replies that came to another worker than theirs, handed over
	uint32_t rules; // in the device
	uint32_t stuck_rules; // of them, those that it would not give back
	uint16_t laddrs; // that the port has
	uint16_t ruled_laddrs; // of them, with rules
	uint32_t reserved2;
};

// One that all workers have is listed for each.
struct slb_laddr_info {
	struct slb_address addr;
	uint16_t worker;
	uint16_t port;
	uint64_t active;
	uint64_t sessions;
	uint8_t draining; // 1: taken away, its sessions still live
	uint8_t waiting; // 1: new sessions do not use it yet
	uint8_t reserved[6];
};

int slb_vs_list(struct slb_vs_info *out, uint32_t cap);
int slb_rs_list(struct slb_rs_info *out, uint32_t cap);
int slb_port_list(struct slb_port_info *out, uint32_t cap);
int slb_laddr_list(struct slb_laddr_info *out, uint32_t cap);
int slb_route_list(struct slb_route *out, uint32_t cap);
int slb_neighbour_list(struct slb_neighbour *out, uint32_t cap);

// out[worker * SLB_DROP_COUNT + reason]; returns the number of workers.
int slb_drop_list(uint64_t *out, uint32_t cap);

struct slb_event {
	uint8_t kind; // enum slb_event_kind
	uint8_t reserved;
	uint16_t port;
	struct slb_address addr;
};

// Takes at most `cap` pending events; returns how many.
int slb_poll_events(struct slb_event *out, uint32_t cap);
