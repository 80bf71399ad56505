// SPDX-License-Identifier: BSD-3-Clause
// How a reply finds the worker that owns its session. The methods are tried for each port at start, the best one first, and each takes
// the local addresses that those before it have left; `soft` needs nothing of the device and stays underneath as the safety net.
#pragma once

#include "base/err.h"
#include "slb.h"
#include "steer/flow.h"
#include "steer/kni_queue.h"
#include "steer/nic.h"
#include "steer/share.h"

#include <stdbool.h>

struct rss_port;

// What is known of a port when its methods are chosen: it is running.
struct steer_port {
	const struct nic_ops *nic;
	uint16_t dpdk_id;
	uint16_t number; // as in laddrs
	const char *driver;
	uint16_t n_workers;
	uint16_t n_active; // that get clients at the start
	uint16_t n_queues; // rx queues, each read by the worker of the same number
	uint8_t steering; // enum slb_steering: what is configured
	bool distrust_spread; // configured: do not rely on the device to spread clients
	bool device_spreads; // RSS, or a kernel that keeps a flow on its queue
	bool tagged; // its frames have a VLAN tag
	uint64_t rss_types; // as rte_eth_rss_conf.rss_hf; 0: it is not configured for RSS
	const struct slb_laddr_config *laddrs; // all ports'
	uint16_t n_laddrs;
	const struct kni_queue *kni; // of the port; NULL: nothing is known of one
};

struct steer_choice {
	uint8_t method; // enum slb_steer: the best that at least one local address has
	uint8_t spread; // enum slb_spread
	char reason[SLB_TEXT_LEN]; // why no better one
	struct flow_rules *rules; // NULL: none
	struct flow_rules *kni_rules; // those of the KNI core's queue, which has them; NULL: none
	struct rss_port
		*rss; // of the local addresses without rules; NULL: they are steered by soft
	struct share_table share; // of the latest change of the number of workers
};

// Why a better method was not taken, as sentences one behind the other.
struct steer_text {
	char *text;
	size_t len;
};

__attribute__((format(printf, 2, 3))) void steer_say(
	struct steer_text *to, const char *format, ...
);

// The device's table stays: the local ports of sessions are chosen by it. So it brings clients to idle workers too.
static inline bool steer_hands_on(const struct steer_choice *choice) {
	return choice->rss != NULL && choice->spread == SLB_SPREAD_QUEUES;
}

// Whether a local address is the port's.
static inline bool steer_has(const struct steer_port *port, uint16_t laddr) {
	return port->laddrs[laddr].port == port->number;
}

// -ENOTSUP with a sentence when the method that is configured cannot be used.
int steer_choose(const struct steer_port *port, struct steer_choice *choice, struct err *e);

// What brings the replies to a local address to all workers alike, or NULL: they are its worker's alone.
const struct rss_port *steer_rss(const struct steer_choice *choice, const struct slb_address *addr);

// A local address comes while the port runs: it gets rules to the worker, if the port has any and there is room. It may have been the
// host's own at the start, with a rule to the KNI core, which is taken back. Returns what steer_rss() does from now on.
const struct rss_port *steer_add(
	struct steer_choice *choice, const struct slb_address *addr, uint16_t worker
);

// Whether the device has rules for it.
bool steer_has_rules(const struct steer_choice *choice, const struct slb_address *addr);

// It goes again, and its rules with it.
void steer_remove(struct steer_choice *choice, const struct slb_address *addr);

// The RSS of a port that can steer by it those local addresses that have no rules; NULL: it cannot, `why` says so.
struct rss_port *rss_port_find(
	const struct steer_port *port, const struct flow_rules *rules, struct steer_text *why
);

// Takes back what the choice has put into the device, and frees what it holds.
void steer_close(struct steer_choice *choice);
