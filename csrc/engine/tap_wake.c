// SPDX-License-Identifier: BSD-3-Clause
// net_tap reads a queue once the kernel has sent a signal for a packet, until it is empty, or until there is no mbuf. In the second case
// packets are left, and where they fill the kernel's queue it takes no more of them, and sends no more signals: the port would be deaf
// for ever. So the driver is made to look now and then, whatever the kernel says.

#include "engine/engine.h"

#include <rte_cycles.h>
#include <signal.h>
#include <unistd.h>

enum { WAKES_PER_S = 10 };

void tap_wake_find(struct tap_wake *wake) {
	struct sigaction now;

	wake->number = 0;
	// The driver takes one that nobody has; nobody else here has any.
	for (int number = SIGRTMIN; number <= SIGRTMAX; number++)
		if (sigaction(number, NULL, &now) == 0 && now.sa_handler != SIG_DFL
		    && now.sa_handler != SIG_IGN)
			wake->number = number;
}

void tap_wake(struct tap_wake *wake) {
	uint64_t now = rte_rdtsc();

	if (wake->number == 0 || now < wake->due)
		return;
	wake->due = now + rte_get_tsc_hz() / WAKES_PER_S;
	kill(getpid(), wake->number);
}
