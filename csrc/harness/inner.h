// SPDX-License-Identifier: BSD-3-Clause
// What the harness's files share.
#pragma once

#include "admin/admin.h"

struct err;
struct harness_packet;
struct rss_port;

// Of the harness that is open.
struct admin *harness_admin(void);

// That it was opened with.
const struct slb_config *harness_config(void);

struct rte_mempool *harness_pool(void);

// EAL and the pool, unless they are there.
int harness_start(struct err *e);

// EAL runs already, and mbufs come from here; before the first harness_open().
void harness_use_pool(struct rte_mempool *pool);

// The packet as mbufs of the harness's pool; NULL without mbufs.
struct rte_mbuf *harness_mbuf(const struct harness_packet *p);

// Copies the frame out; the mbuf stays the caller's.
void harness_frame(struct harness_packet *p, const struct rte_mbuf *m);

// Chooses how the ports with a model of a NIC are steered; -ENOTSUP with a sentence when what is configured cannot be.
int harness_nics_open(const struct slb_config *config, struct err *e);
void harness_nics_close(void);

// How a local address is steered that comes later.
struct laddr_steering harness_laddr_steering(void);

// How those models are told over which workers they spread clients.
struct port_shares harness_port_shares(struct slb_config *config);

// What makes a local address one of all workers, or NULL; whether a port's clients are spread by the workers.
const struct rss_port *harness_rss_of(const struct slb_config *config, uint16_t laddr);
bool harness_spreads_by_hash(const struct slb_config *config, uint16_t port);
bool harness_hands_on(uint16_t port);

// Tells the KNI core, if there is one.
void harness_own_set(const struct slb_own_address *own, uint32_t n_own);

// Undoes harness_wire(), packets still in the rings included.
void harness_unwire(void);
