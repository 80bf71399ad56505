// SPDX-License-Identifier: BSD-3-Clause
// EAL without devices, and the mbufs of all packets: once a process.

#define _GNU_SOURCE

#include "base/err.h"
#include "harness/inner.h"
#include "slb_harness_c.h"

#include <errno.h>
#include <rte_eal.h>
#include <rte_mbuf.h>
#include <sched.h>
#include <unistd.h>

enum { MBUFS = 4096, ROOM = RTE_PKTMBUF_HEADROOM + HARNESS_FRAME };

static bool eal;
static struct rte_mempool *pool;

struct rte_mempool *harness_pool(void) {
	return pool;
}

void harness_use_pool(struct rte_mempool *of) {
	eal = true;
	pool = of;
}

static int start_eal(void) {
	char *argv[] = {
		(char[]){"harness"},
		(char[]){"--no-huge"},
		(char[]){"--no-shconf"},
		(char[]){"--no-pci"},
		(char[]){"-m"},
		(char[]){"512"},
		(char[]){"--no-telemetry"},
		(char[]){"--file-prefix"},
		(char[]){"slb-harness"},
		(char[]){"--log-level=4"},
		NULL,
	};
	cpu_set_t before;
	int rc;

	sched_getaffinity(0, sizeof(before), &before);
	rc = rte_eal_init(sizeof(argv) / sizeof(argv[0]) - 1, argv);
	// EAL pins the thread to its first CPU, where all processes that test at a time would then be.
	sched_setaffinity(0, sizeof(before), &before);
	rmdir(rte_eal_get_runtime_dir()); // empty, as the engine's
	return rc;
}

int harness_start(struct err *e) {
	if (eal)
		return 0;
	if (start_eal() < 0)
		return err_set(e, EIO, "EAL refused to start");
	eal = true;
	pool = rte_pktmbuf_pool_create("harness", MBUFS, 0, 0, ROOM, SOCKET_ID_ANY);
	return pool != NULL ? 0 : err_set(e, ENOMEM, "no memory for mbufs");
}
