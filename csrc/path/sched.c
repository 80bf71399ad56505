// SPDX-License-Identifier: BSD-3-Clause

#include "path/sched.h"

#include "slb.h"

static const struct sched_ops *const OPS[SLB_SCHED_COUNT] = {
	[SLB_SCHED_RR] = &sched_rr,
	[SLB_SCHED_WRR] = &sched_wrr,
	[SLB_SCHED_SH] = &sched_sh,
};

const struct sched_ops *sched_ops(uint8_t scheduler) {
	return OPS[scheduler < SLB_SCHED_COUNT ? scheduler : SLB_SCHED_RR];
}
