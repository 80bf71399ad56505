// SPDX-License-Identifier: BSD-3-Clause
// Which RS gets a new session. Every worker schedules on its own over its own copy of the VS.
#pragma once

#include "path/vs.h"

struct pkt;

struct sched_ops {
	const char *name;
	// The chosen RS; NULL when none has a weight above 0.
	struct vs_rs *(*pick)(struct vs *vs, const struct pkt *p);
	// A new copy of the VS takes over the old one's place in the round; NULL: keeps nothing.
	void (*carry)(struct vs *vs, const struct vs *old);
};

extern const struct sched_ops sched_rr;
extern const struct sched_ops sched_wrr;
extern const struct sched_ops sched_sh;

const struct sched_ops *sched_ops(uint8_t scheduler);
