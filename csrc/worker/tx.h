// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "worker/worker.h"

// Puts every packet of the burst into the outbox its verdict names, and frees the dropped ones.
void tx_verdicts(struct worker *w, struct burst *b);

// Sends the packets that the path has made or released itself.
void tx_extra(struct worker *w);

// One finished packet to a port.
void tx_port(struct worker *w, uint16_t port, struct rte_mbuf *m);

// Empties all outboxes; what a full queue or ring does not take is dropped and counted.
void tx_flush(struct worker *w);

// Lets bonds send what LACP has to say; to be called once a tick.
void tx_control(struct worker *w);
