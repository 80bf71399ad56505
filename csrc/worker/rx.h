// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "worker/worker.h"

// Each takes bursts in, runs the path over them and puts every packet where its verdict says. Returns whether any came.
bool rx_ports(struct worker *w);
bool rx_handoff(struct worker *w);
bool rx_again(struct worker *w); // packets that the path had held back

// Throws away what has come to members of bonds that are not in use; to be called once a tick.
void rx_standby(struct worker *w);
