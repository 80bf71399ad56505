// SPDX-License-Identifier: BSD-3-Clause
// The accounts that the linker puts in.

#include "bench/account_take.h"
#include "path/admit.h"
#include "path/forward.h"
#include "path/fragment.h"
#include "path/lifecycle.h"
#include "path/parse.h"
#include "path/pass.h"
#include "path/punt.h"
#include "path/rewrite.h"
#include "path/session_reset.h"
#include "path/split.h"
#include "path/sweep.h"
#include "path/syn_proxy.h"
#include "worker/inbox.h"

#include <rte_cycles.h>

uint32_t account_late_us;

// A part that returns nothing, with its parameters, and by which names it is given them; and one that says something. What differs from
// the part's own header does not compile.
#define PART(account, name, parameters, arguments) \
	extern typeof(name) __real_##name, __wrap_##name; \
	void __wrap_##name parameters { \
		uint64_t began = rte_rdtsc(); \
		__real_##name arguments; \
		account_take(account, began); \
	}
#define SAYING(account, name, parameters, arguments) \
	extern typeof(name) __real_##name, __wrap_##name; \
	bool __wrap_##name parameters { \
		uint64_t began = rte_rdtsc(); \
		bool said = __real_##name arguments; \
		account_take(account, began); \
		return said; \
	}
#define STAGE(account, name) PART(account, name, (struct core * c, struct burst * b), (c, b))
#define STAGE_FROM(account, name) \
	PART(account, name, (struct core * c, struct burst * b, enum source from), (c, b, from))
#define STAGE_TABLE(account, name) \
	PART(account, name, (struct session_table * t, struct burst * b), (t, b))

PART(ACCOUNT_PARSE, parse,
     (const struct core *c, struct burst *b, struct rte_mbuf *const *mbufs, uint16_t n,
      enum source from),
     (c, b, mbufs, n, from))
STAGE(ACCOUNT_PUNT, punt)
STAGE_FROM(ACCOUNT_FRAGMENT, fragment)
STAGE_TABLE(ACCOUNT_SESSION, session)
STAGE_FROM(ACCOUNT_ADMIT, admit)
STAGE(ACCOUNT_RESET, session_reset)
STAGE(ACCOUNT_SYN_PROXY, syn_proxy)
STAGE(ACCOUNT_PASS, pass)
STAGE(ACCOUNT_FORWARD, forward)
STAGE(ACCOUNT_REWRITE, rewrite)
STAGE(ACCOUNT_SPLIT, split)
SAYING(ACCOUNT_SWEEP, sweep, (struct core * c), (c))

extern typeof(inbox_poll) __real_inbox_poll, __wrap_inbox_poll;

bool __wrap_inbox_poll(struct inbox *inbox, struct core *c) {
	uint64_t began = rte_rdtsc();
	bool found = __real_inbox_poll(inbox, c);

	if (found && account_late_us > 0)
		rte_delay_us_block(account_late_us);
	account_take(ACCOUNT_INBOX, began);
	return found;
}

extern typeof(session_expire) __real_session_expire, __wrap_session_expire;

uint32_t __wrap_session_expire(struct core *c, uint32_t budget) {
	uint64_t began = rte_rdtsc();
	uint32_t ended = __real_session_expire(c, budget);

	account_take(ACCOUNT_EXPIRE, began);
	return ended;
}
