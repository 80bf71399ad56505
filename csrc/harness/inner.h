// SPDX-License-Identifier: BSD-3-Clause
// What the harness's files share.
#pragma once

#include "admin/admin.h"

struct err;
struct harness_packet;
struct rss_port;

// Of the harness that is open.
struct admin *harness_admin(void);

struct rte_mempool *harness_pool(void);

// The packet as mbufs of the harness's pool; NULL without mbufs.
struct rte_mbuf *harness_mbuf(const struct harness_packet *p);

// Copies the frame out; the mbuf stays the caller's.
void harness_frame(struct harness_packet *p, const struct rte_mbuf *m);

// The RSS of the ports that are to be steered by it, as harness_set_rss() gave it. -ENOTSUP with a sentence when it does not do.
int harness_steering(const struct slb_config *config, const struct rss_port **rss, struct err *e);

// Undoes harness_wire(), packets still in the rings included.
void harness_unwire(void);
