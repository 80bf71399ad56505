// SPDX-License-Identifier: BSD-3-Clause
// Over which workers a port's device spreads clients, told by its RSS redirection table while it runs.
#pragma once

#include "base/err.h"
#include "steer/reta.h"

struct steer_port;
struct steer_choice;

// What a change does to a table.
struct share_table {
	uint16_t len; // 0: the device need not be told
	uint8_t was[RETA_MAX]; // by place: the worker, or UINT8_MAX
	uint8_t will[RETA_MAX];
};

// At the start, where not all workers are to have clients: whether the device does as it is told.
bool share_start(const struct steer_port *port);

// What is to be written for so many workers, into the choice's table, where `n_was` have clients; adds to gained[w] a bit for each worker
// whose clients worker w gets.
// -ENOTSUP with a sentence: it cannot be.
int share_plan(
	const struct steer_port *port, struct steer_choice *choice, uint16_t n_was,
	uint16_t n_active, uint32_t *gained, struct err *e
);

// Writes it; -errno with a sentence: the table is as it was.
int share_write(const struct steer_port *port, struct steer_choice *choice, struct err *e);

// The table as it was before, if it was written.
void share_back(const struct steer_port *port, struct steer_choice *choice);
