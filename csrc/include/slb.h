// SPDX-License-Identifier: BSD-3-Clause
// What C includes: slb_abi.h and its companions with their includes, visibility and layout checks.
#pragma once

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)
#include "slb_abi_bond.h"
#include "slb_abi.h"
#include "slb_abi_workers.h"
#include "slb_abi_probe.h"
#include "slb_abi_session.h"
#pragma GCC visibility pop

_Static_assert(sizeof(struct slb_address) == 20, "cffi and C agree on the address layout");
_Static_assert(sizeof(struct slb_endpoint) == 24, "cffi and C agree on the endpoint layout");
_Static_assert(sizeof(struct slb_op) == 100, "cffi and C agree on the operation layout");
_Static_assert(
	sizeof(((struct slb_op *)0)->timeout_s) == sizeof(((struct slb_config *)0)->timeout_s)
		&& sizeof(((struct slb_vs_info *)0)->timeout_s)
			== sizeof(((struct slb_config *)0)->timeout_s),
	"a VS has the same timeouts"
);
_Static_assert(
	sizeof(((struct slb_config *)0)->timeout_s) / sizeof(uint32_t) == SLB_STATE_COUNT,
	"one timeout a state"
);
_Static_assert(
	sizeof(((struct slb_config *)0)->worker_cpus) / sizeof(uint16_t) == SLB_MAX_WORKERS,
	"one CPU a worker"
);
_Static_assert(sizeof(((struct slb_port_config *)0)->device) == SLB_DEVICE_LEN, "device length");
_Static_assert(
	sizeof(((struct slb_bond_config *)0)->members) == SLB_MAX_MEMBERS * SLB_DEVICE_LEN,
	"devices of a bond"
);
_Static_assert(sizeof(((struct slb_refused *)0)->text) == SLB_TEXT_LEN, "text length");
