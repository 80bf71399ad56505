// SPDX-License-Identifier: BSD-3-Clause
// The KNI core: moves packets between the workers' punt rings, its own queues of the ports' devices, and one kernel interface a port.
// What the kernel sends goes out through worker 0, which has a transmit queue on every port.
#pragma once

#include "base/err.h"
#include "base/idle.h"
#include "path/punt.h"
#include "slb.h"
#include "steer/standby.h"

#include <stdbool.h>

struct rte_mbuf;
struct rte_mempool;
struct rte_ring;

enum { KNI_BURST = 32, KNI_DESC = 512, KNI_NO_PORT = UINT16_MAX, KNI_NO_TAP = -1 };

// An address of the port's, and the network that it is in.
struct kni_own {
	struct ipaddr addr;
	struct ipaddr mask;
	bool gone; // admin writes: it is not the host's any more
};

// The kernel interface of a port is a device of DPDK's or a tap, or there is none.
struct kni_port {
	uint16_t dpdk_id; // or KNI_NO_PORT
	int tap; // or KNI_NO_TAP
	struct rte_mempool *pool;
	uint16_t vlan_be; // tag of the port's frames; 0: none
	uint8_t kind; // enum slb_kni_kind
	uint16_t nic_id; // of the device that has a queue for this core, or KNI_NO_PORT
	uint16_t nic_queue;
	struct standby standby; // of that device, where it is a bond
	uint16_t n_own;
	struct kni_own own[SLB_MAX_OWN];
	char device[64]; // name in the bus, for removal
	// KNI core writes, admin reads
	uint64_t to_kernel;
	uint64_t from_kernel;
	uint64_t dropped;
};

struct kni {
	uint16_t n_ports;
	uint16_t n_workers;
	struct kni_port ports[SLB_MAX_PORTS];
	struct rte_ring *punted[SLB_MAX_WORKERS];
	struct rte_ring *to_worker;
	struct punt_meter meters[PUNT_COUNT]; // of what comes by this core's own queues
	uint32_t now; // tick
	uint32_t ticked; // at which bonds were last seen to
	uint64_t tsc_hz;
	uint64_t tick_base; // TSC at tick 0
	struct idle idle;
	const uint32_t *stop; // engine writes
};

static inline bool kni_port_exists(const struct kni_port *port) {
	return port->dpdk_id != KNI_NO_PORT || port->tap != KNI_NO_TAP;
}

// Creates the kernel interface of one port and starts it. -errno with a sentence when the kernel refuses.
int kni_port_open(
	struct kni_port *port, uint16_t number, const struct slb_port_config *config,
	const uint8_t *mac, struct rte_mempool *pool, struct err *e
);

void kni_port_close(struct kni_port *port);

// The core reads a queue of the port's device, too: `queue` of `nic_id`.
void kni_port_listen(
	struct kni_port *port, const struct slb_port_config *config, uint16_t nic_id, uint16_t queue
);

// Which addresses are the host's now. On the admin core.
void kni_own_set(struct kni *kni, const struct slb_own_address *own, uint32_t n_own);

// Clock and meters, which have the whole process's rates.
void kni_init(struct kni *kni, const struct slb_config *config);

// A burst from the port's device, if it has a queue for this core. Returns whether any came.
bool kni_drain_nic(struct kni *kni, uint16_t number);

// To the kernel interface, or dropped and counted.
void kni_to_kernel(struct kni_port *port, struct rte_mbuf *m);
void kni_drop(struct kni_port *port, struct rte_mbuf **mbufs, uint16_t n);

// A burst from every queue, ring and kernel interface. Returns whether there was anything to do.
bool kni_round(struct kni *kni);

// The lcore's main function; arg is the struct kni.
int kni_main(void *arg);
