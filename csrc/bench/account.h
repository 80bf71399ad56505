// SPDX-License-Identifier: BSD-3-Clause
// Cycles by part of a worker's round. In the program that has accounts the linker puts one in between who calls a part and the part itself (--wrap in
// meson.build), so what is measured is the product's own objects, which know nothing of it. Who adds a stage to path_run() adds it here and there as well; a test
// compares them. The driver's two parts are functions that a device is told to call.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum account {
	ACCOUNT_PARSE,
	ACCOUNT_PUNT,
	ACCOUNT_FRAGMENT,
	ACCOUNT_SESSION,
	ACCOUNT_ADMIT,
	ACCOUNT_RESET,
	ACCOUNT_SYN_PROXY,
	ACCOUNT_PASS,
	ACCOUNT_FORWARD,
	ACCOUNT_REWRITE,
	ACCOUNT_SPLIT,
	ACCOUNT_STAGES, // of the path, in its order; then parts of a round
	ACCOUNT_INBOX = ACCOUNT_STAGES,
	ACCOUNT_SWEEP,
	ACCOUNT_EXPIRE,
	ACCOUNT_RX,
	ACCOUNT_TX,
	ACCOUNTS,
};

struct accounts {
	uint64_t cycles[ACCOUNTS];
	uint64_t calls[ACCOUNTS];
};

// Of this thread, since whoever reads them last set them to zero.
extern _Thread_local struct accounts accounts;

// Whether this program has them.
extern const bool ACCOUNTED;

extern const char *const ACCOUNT_NAMES[ACCOUNTS];

// What taking the time twice adds to a part that does nothing.
uint64_t account_overhead(void);

// For a test: so much longer takes each look into the inbox that finds a part of a change. In the program that has accounts alone.
extern uint32_t account_late_us;

// From now on the driver's receiving and sending have accounts, too. Of one device, which is started.
void account_device(uint16_t dpdk_id);
