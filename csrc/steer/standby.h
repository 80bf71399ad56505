// SPDX-License-Identifier: BSD-3-Clause
// A bond that uses one member at a time does not read the others, whose queues fill up with what switches send everywhere. When one of
// them takes over, all that would come at once, some of it as old as the process: routers give up an adjacency over less. So each
// core throws away what has come to its queue of those.
#pragma once

#include "slb.h"

struct standby {
	uint16_t bond;
	uint16_t n; // members; 0: no such bond
	uint16_t members[SLB_MAX_MEMBERS];
};

// Empties a queue of all members but the one in use. On the core that reads this queue of the bond.
void standby_drain(const struct standby *s, uint16_t queue);
