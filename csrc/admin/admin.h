// SPDX-License-Identifier: BSD-3-Clause
// The admin core's state: what is configured, and the way to every worker. All functions here run on the admin core,
// one at a time; nothing is shared with the workers but what goes through their inboxes and what they publish.
#pragma once

#include "base/err.h"
#include "path/core.h"
#include "path/spread.h"
#include "slb.h"

struct rte_ring;
struct inbox_msg;

struct admin_rs {
	struct admin_rs *next; // in its VS, in the order they were added
	uint32_t slot;
	struct ipaddr addr;
	uint16_t port_be;
	uint16_t weight;
};

// A virtual server as it is configured; the workers have their own copies.
struct admin_vs {
	uint64_t id; // of this VS; one with the same key, added later, has another
	struct ipaddr addr;
	uint16_t port_be;
	uint16_t slot;
	uint8_t proto;
	uint8_t scheduler;
	bool one_packet;
	uint8_t client_address; // enum slb_client_address
	bool syn_proxy;
	uint8_t policy; // number
	uint32_t timeout_s[SLB_STATE_COUNT]; // 0: the engine's
	uint32_t n_rs;
	uint64_t generation; // that last changed it
	uint32_t place; // in the latest listing
	struct slb_traffic gone; // of RS whose slots were given back
	uint64_t refused_before; // that its slot had counted when it was added
	struct admin_rs *rs;
};

enum rs_slot_use {
	RS_SLOT_FREE = 0,
	RS_SLOT_TAKEN, // by the transaction being worked out
	RS_SLOT_LIVE,
	RS_SLOT_DRAINING, // removed; its sessions live on
	RS_SLOT_PAST, // free to be taken; until then its counts are its RS's, should that be added again
};

// RS slots outlive their RS until the last session has ended.
struct rs_slot {
	uint8_t use; // enum rs_slot_use
	uint16_t vs_slot;
	uint16_t port_be;
	uint16_t vs_port_be;
	uint8_t vs_proto;
	struct ipaddr addr;
	struct ipaddr vs_addr;
	uint64_t vs_id;
	uint32_t next; // in its bucket
	struct slb_traffic before; // of slots that the same RS of the same VS had
};

struct admin_port {
	uint8_t mac[6];
	uint16_t mtu;
	uint16_t n_laddrs; // admin writes, others read
};

enum laddr_slot_use {
	LADDR_FREE = 0,
	LADDR_COMING, // taken by the transaction being worked out
	LADDR_THERE,
	LADDR_GOING, // its last session has ended
};

// A slot stays an address's until its last session has ended.
struct admin_laddr {
	uint8_t use; // enum laddr_slot_use
	bool wanted; // new sessions may use it; THERE and not wanted: its sessions live on
	bool was_wanted; // before the transaction being worked out
	bool waits; // prepared: all workers know whose it is, and new sessions do not use it yet
	uint16_t port;
	uint16_t worker; // that has it, if it is not one of all workers
	struct ipaddr addr;
	const struct rss_port *rss; // makes it one of all workers, or NULL
};

// How the ports steer what is sent to a local address that comes while they run. Without: as on a port that cannot steer.
struct laddr_steering {
	// The address is the worker's unless what is returned makes it one of all workers.
	const struct rss_port *(*add)(
		void *arg, const struct slb_address *addr, uint16_t port, uint16_t worker
	);
	void (*remove)(void *arg, const struct slb_address *addr, uint16_t port);
	// Whether the port's device has rules for it.
	bool (*has_rules)(void *arg, const struct slb_address *addr, uint16_t port);
	void *arg;
};

// How the ports' devices are told over which workers they spread clients. Without: they need not be told.
struct port_shares {
	// Works out what a port's device is to do, and adds to gained[w] a bit for each worker whose clients worker w gets. -ENOTSUP with a
	// sentence: it cannot.
	int (*plan)(
		void *arg, uint16_t port, uint16_t n_was, uint16_t n_active, uint32_t *gained,
		struct err *e
	);
	int (*write)(void *arg, uint16_t port, struct err *e); // has it do so
	void (*back)(void *arg, uint16_t port); // and, if it does, what it did before
	void *arg;
};

// What workers are told in path/spread.h, for all of them.
struct spread_plan {
	uint16_t n_active; // admin writes, others read
	bool ends; // the sessions of the others
	bool lately; // it changed
	uint8_t worker[SPREAD_PLACES]; // admin writes, others read
	uint32_t before[SPREAD_PLACES];
	uint32_t queue_before[SLB_MAX_WORKERS];
	uint8_t epoch[SLB_MAX_WORKERS];
	uint32_t begins; // a bit for each worker that has yet to begin its other epoch
	uint32_t changed_at; // tick
};

// Sent to a worker that did not answer in time; nothing is sent to it before it has.
struct unsettled {
	struct inbox_msg *undo;
	struct inbox_msg *change;
};

struct admin {
	uint16_t n_workers;
	uint16_t n_ports;
	struct core *cores[SLB_MAX_WORKERS];
	struct rte_ring *inbox[SLB_MAX_WORKERS];
	int socket[SLB_MAX_WORKERS]; // NUMA node of each worker
	struct admin_port ports[SLB_MAX_PORTS];
	// Called while an answer is awaited: lets the workers' rounds happen (sleeps, or runs them in a test).
	void (*wait)(void *arg);
	void *wait_arg;
	uint64_t answer_timeout_ms;
	struct laddr_steering steering;
	struct port_shares shares;
	struct spread_plan spread;

	uint64_t generation;
	uint32_t vs_max;
	uint32_t rs_max;
	uint32_t n_vs;
	uint64_t last_vs_id;
	struct admin_vs **vs; // by slot
	uint32_t vs_bucket_mask;
	uint16_t *vs_bucket; // first slot of each bucket of a chained hash by key; VS_NONE ends
	uint16_t *vs_next; // by slot
	struct rs_slot *rs_slots;
	uint32_t rs_bucket_mask;
	uint32_t *rs_bucket; // first slot of each bucket of a chained hash by VS and RS
	uint32_t rs_hint; // where the search for a free slot goes on
	uint32_t n_draining;
	struct admin_laddr laddrs[SLB_MAX_LADDRS]; // by slot
	uint32_t policy_refs[POLICIES]; // VS, and copies of VS, that refer to each
	struct unsettled unsettled[SLB_MAX_WORKERS];
	struct inbox_msg *late; // not answered in time, of no consequence

	uint32_t n_routes, n_neighbours, n_own;
	struct slb_route *routes; // as last given
	struct slb_neighbour *neighbours;
	struct slb_own_address *own;
};

// Fills *a in; the cores' tables are empty but usable afterwards, but for the local addresses of the configuration; rss: by
// their place there, what makes each one of all workers, or NULL. 0 or -ENOMEM.
int admin_init(struct admin *a, const struct slb_config *config, const struct rss_port *const *rss);
void admin_free(struct admin *a);

int admin_commit(
	struct admin *a, const struct slb_op *ops, uint32_t n, uint64_t *generation,
	struct slb_refused *refused
);

int admin_forward_set(
	struct admin *a, const struct slb_route *routes, uint32_t n_routes,
	const struct slb_neighbour *neighbours, uint32_t n_neighbours,
	const struct slb_own_address *own, uint32_t n_own, uint64_t *generation,
	struct slb_refused *refused
);

int admin_laddr_set(
	struct admin *a, const struct slb_laddr *laddrs, uint32_t n, bool only_prepare,
	uint64_t *generation, struct slb_refused *refused
);

int admin_workers_set(
	struct admin *a, uint16_t n, bool end, uint64_t *generation, struct slb_refused *refused
);

int admin_probe(struct admin *a, const struct slb_address *laddr, uint32_t attempt);

int admin_quiesce(struct admin *a);

void admin_vs_free(struct admin *a, struct admin_vs *vs);

int admin_vs_list(struct admin *a, struct slb_vs_info *out, uint32_t cap);
int admin_rs_list(struct admin *a, struct slb_rs_info *out, uint32_t cap);
int admin_laddr_list(struct admin *a, struct slb_laddr_info *out, uint32_t cap);
int admin_probe_list(struct admin *a, struct slb_probe_info *out, uint32_t cap);
int admin_drop_list(struct admin *a, uint64_t *out, uint32_t cap);
int admin_worker_bytes(const struct admin *a, uint64_t *out, uint32_t cap);
int admin_session_list(
	struct admin *a, const struct slb_session_filter *filter, uint64_t *cursor,
	struct slb_session_info *out, uint32_t cap
);
int admin_session_reset(
	struct admin *a, const struct slb_reset *resets, uint32_t n, uint64_t *cursor,
	struct slb_refused *refused
);
int admin_poll_events(struct admin *a, struct slb_event *out, uint32_t cap);
