// SPDX-License-Identifier: BSD-3-Clause

#include "base/idle.h"

#include "slb.h"

#include <rte_pause.h>
#include <sched.h>
#include <sys/prctl.h>
#include <time.h>

// The first empty rounds cost nothing but a pause, so a busy worker never sleeps between two bursts; then the CPU is
// offered; then sleeps grow, within a tenth of a second, to the longest a packet may have to wait.
enum { SPIN_ROUNDS = 32, YIELD_ROUNDS = 64, SLEEP_STEP_NS = 5000, SLEEP_MAX_NS = 1000000 };

void idle_init(struct idle *idle, uint8_t policy) {
	idle->policy = policy;
	idle->empty = 0;
	// The default slack of 50 us would swallow the short sleeps.
	if (policy == SLB_IDLE_ADAPTIVE)
		prctl(PR_SET_TIMERSLACK, 1000UL, 0, 0, 0);
}

void idle_wait(struct idle *idle, bool rests) {
	struct timespec t = {0};
	uint64_t ns;

	idle->empty++;
	if ((idle->policy == SLB_IDLE_BUSY && !rests) || idle->empty < SPIN_ROUNDS) {
		rte_pause();
		return;
	}
	if (idle->empty < YIELD_ROUNDS) {
		sched_yield();
		return;
	}
	ns = (uint64_t)(idle->empty - YIELD_ROUNDS + 1) * SLEEP_STEP_NS;
	t.tv_nsec = ns < SLEEP_MAX_NS ? (long)ns : SLEEP_MAX_NS;
	nanosleep(&t, NULL);
}
