// SPDX-License-Identifier: BSD-3-Clause
// The process's one engine: what is opened, in the order it is opened.
#pragma once

#include "admin/admin.h"
#include "base/err.h"
#include "kni/kni.h"
#include "slb.h"
#include "steer/standby.h"
#include "steer/steer.h"
#include "worker/worker.h"

#include <pthread.h>
#include <rte_config.h>

// Lcore numbers are roles; which CPU an lcore runs on is configured. They are the last ones: an lcore has its own share of each
// pool, and those of DPDK's tools, which are numbered as CPUs are, take from the same pools.
enum lcore_role {
	LCORE_MAIN = RTE_MAX_LCORE - 3 - SLB_MAX_WORKERS,
	LCORE_ADMIN,
	LCORE_KNI,
	LCORE_WORKER
};

// The kind of pool that packets are in, DPDK's default.
#define POOL_KIND "ring_mp_mc"

enum { DEVICE_NAME_LEN = 64, POOL_CACHE = 256 };

struct device {
	uint16_t dpdk_id;
	bool open;
	bool vdev; // added by us, to be removed by us
	char name[DEVICE_NAME_LEN]; // in its bus
};

// The devices of a port that is a bond; none: it is one device.
struct bond {
	uint16_t n;
	bool lacp;
	struct standby standby; // of a bond that uses one member at a time
	bool made; // `name` is there
	char name[DEVICE_NAME_LEN];
	struct device members[SLB_MAX_MEMBERS];
};

struct engine_port {
	uint16_t dpdk_id; // of the bond, where it is one
	uint16_t n_rx, n_tx; // of the workers
	int socket;
	uint32_t if_index; // of the kernel's interface behind a virtual device, or 0
	uint32_t mbufs; // that its queues hold
	uint8_t mac[6];
	bool is_virtual; // no NIC, and no bond with one
	bool rx_checksum; // the device checks IPv4 headers
	bool tx_checksum; // the device makes UDP checksums
	char driver[SLB_NAME_LEN];
	struct device device; // unused where it is a bond
	struct bond bond;
	uint64_t rss_types; // that its queues are chosen by; 0: it has no RSS
	struct kni_queue kni;
	struct rte_mempool *kni_pool; // of that queue alone; NULL: there is none
	struct steer_choice steer;
};

// One request at a time to the admin core.
struct mailbox {
	pthread_mutex_t caller; // held by a caller from request to answer
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int (*call)(struct admin *admin, void *arg); // NULL: nothing asked
	void *arg;
	int rc;
};

// The signal by which net_tap is told of packets, 0: there is no such device; and when it is sent next, in cycles.
struct tap_wake {
	int number;
	uint64_t due;
};

struct engine {
	struct slb_config config;
	bool eal, launched;
	uint32_t stop;
	struct rte_mempool *pools[RTE_MAX_NUMA_NODES];
	struct engine_port ports[SLB_MAX_PORTS];
	struct siphash_key cookie_key; // of SYN cookies
	struct worker *workers[SLB_MAX_WORKERS];
	struct kni kni;
	struct admin admin;
	struct mailbox mailbox;
	struct tap_wake tap_wake;
};

// Each opens one layer; -errno with a sentence. The matching close copes with a layer half open.
int config_check(const struct slb_config *config, struct err *e);
int eal_open(struct engine *g, struct err *e);
void eal_close(struct engine *g);

// Before EAL starts with memory that tools may share: whether another process has the prefix, or there is no hugetlbfs; else
// what an earlier process has left of it is removed.
int leftovers_check(const char *prefix, struct err *e);
void leftovers_remove(const char *prefix);

// Before ports close: tools are not asked any more, since DPDK waits 5 s for each answer of one that hangs.
void leftovers_forget_tools(void);

// Before EAL starts: has the kinds of pools of ring where DPDK's tools have them, POOL_KIND at `place`.
int pool_kinds_place(uint8_t place, struct err *e);
bool pool_kind_is_ours(int32_t ops_index);

int ports_open(struct engine *g, struct err *e);
int ports_start(struct engine *g, struct err *e);
void ports_close(struct engine *g);

// How a port's device is told over which workers it spreads clients; the engine is the argument of its calls.
struct port_shares ports_shares(struct engine *g);

int cores_open(struct engine *g, struct err *e);
void cores_close(struct engine *g);
int lcores_launch(struct engine *g, struct err *e);
void lcores_stop(struct engine *g);

// Once the ports are open; and in each round of the admin core.
void tap_wake_find(struct tap_wake *wake);
void tap_wake(struct tap_wake *wake);

// A port's device as configured is a PCI address, with or without domain, or a virtual device's name, either with arguments
// behind a comma. Its name as DPDK spells it; true: a PCI address.
bool device_name(const char *device, char name[DEVICE_NAME_LEN]);
const char *device_arguments(const char *device);

// Makes or finds a device as configured; `where` begins a sentence about what is wrong. Closing copes with one half open.
int device_open(struct device *d, const char *configured, const char *where, struct err *e);
void device_close(struct device *d);

// Makes the bond of a port whose members are open; and, when the port is closed, lets go of them.
int bond_open(struct engine *g, uint16_t number, struct err *e);
void bond_close(struct engine_port *port);

// Has every member take all multicast packets, as far as it can.
void bond_take_multicast(const struct engine_port *port);

// Whether there is memory for what LACP's driver allocates by itself when a member comes up, and ends the process without.
int bond_check_memory(
	const struct engine_port *port, const struct slb_port_config *config, struct err *e
);

// How often a port's queues, and what they hold, are there.
static inline uint32_t port_devices(const struct engine_port *port) {
	return port->bond.n > 0 ? port->bond.n : 1;
}

// One worker's core with all its memory; NULL when memory is short.
struct core *core_new(
	const struct slb_config *config, uint16_t id, struct siphash_key cookie_key, int socket
);
void core_free(struct core *c);

int workers_describe(const struct engine *g, struct slb_worker_info *out, uint32_t cap);
int ports_describe(const struct engine *g, struct slb_port_info *out, uint32_t cap);
int members_describe(const struct engine *g, struct slb_member_info *out, uint32_t cap);
int rules_describe(const struct engine *g, struct slb_rule_info *out, uint32_t cap);

// Has DPDK's telemetry, where it is on, show the engine, which runs; closing returns when nobody reads it any more.
int telemetry_open(struct engine *g, struct err *e);
void telemetry_close(void);

// Lets DPDK's tools capture the packets of ports, where memory is shared; ends what tools that have died left behind.
int capture_open(struct engine *g, struct err *e);
void capture_close(void);
void capture_clock_start(struct rte_mempool *pool);

// Runs call(admin, arg) on the admin core and returns what it returns; -ESHUTDOWN when the engine is not open.
int mailbox_call(struct engine *g, int (*call)(struct admin *admin, void *arg), void *arg);
int mailbox_main(void *arg);

// The pool of a NUMA node; creates it the first time. NULL when memory is short.
struct rte_mempool *pool_of(struct engine *g, int socket);
void pools_free(struct engine *g);

// The pool of a port's queue for the KNI core, which no other core takes from. NULL when memory is short.
struct rte_mempool *kni_pool_new(const struct engine *g, uint16_t port, uint16_t rx_desc);

// What LACP keeps for its frames on each member: as many as there are transmit descriptors and a few, each of so many bytes.
enum { LACP_MBUF_BYTES = 512, LACP_SPARE_MBUFS = 64 };

// Megabytes the configuration needs.
uint32_t memory_needed_mb(const struct slb_config *config);

#define PCI_DEVICES "/sys/bus/pci/devices"

// Refuses a PCI device that a tool would stop: it opens the file by which the kernel hands the device over, and of uio_pci_generic's
// each one that is closed, also by the death of who has opened it, takes the device's right to write to memory away.
int pci_check_shared(const char *folder, const char *name, struct err *e);

// Says why DPDK found no PCI device of this name and what to do, from `folder`, sysfs's bus/pci/devices.
void pci_explain(const char *folder, const char *name, char *text, size_t len);
