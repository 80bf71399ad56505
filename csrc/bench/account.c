// SPDX-License-Identifier: BSD-3-Clause

#include "bench/account.h"

#include "path/admit.h"
#include "path/forward.h"
#include "path/fragment.h"
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

_Thread_local struct accounts accounts;

const char *const ACCOUNT_NAMES[ACCOUNTS] = {
	[ACCOUNT_PARSE] = "parse",         [ACCOUNT_PUNT] = "punt",
	[ACCOUNT_FRAGMENT] = "fragment",   [ACCOUNT_SESSION] = "session",
	[ACCOUNT_ADMIT] = "admit",         [ACCOUNT_RESET] = "session_reset",
	[ACCOUNT_SYN_PROXY] = "syn_proxy", [ACCOUNT_PASS] = "pass",
	[ACCOUNT_FORWARD] = "forward",     [ACCOUNT_REWRITE] = "rewrite",
	[ACCOUNT_SPLIT] = "split",         [ACCOUNT_INBOX] = "inbox",
	[ACCOUNT_SWEEP] = "sweep",
};

static void enter(enum account a, uint64_t began) {
	accounts.cycles[a] += rte_rdtsc() - began;
	accounts.calls[a]++;
}

uint64_t account_overhead(void) {
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 1000; i++) {
		uint64_t began = rte_rdtsc();
		uint64_t took = rte_rdtsc() - began;
		least = took < least ? took : least;
	}
	return least;
}

// A part that returns nothing, with its parameters, and by which names it is given them; and one that says something. What differs from
// the part's own header does not compile.
#define PART(account, name, parameters, arguments) \
	extern typeof(name) __real_##name, __wrap_##name; \
	void __wrap_##name parameters { \
		uint64_t began = rte_rdtsc(); \
		__real_##name arguments; \
		enter(account, began); \
	}
#define SAYING(account, name, parameters, arguments) \
	extern typeof(name) __real_##name, __wrap_##name; \
	bool __wrap_##name parameters { \
		uint64_t began = rte_rdtsc(); \
		bool said = __real_##name arguments; \
		enter(account, began); \
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
SAYING(ACCOUNT_INBOX, inbox_poll, (struct inbox * inbox, struct core *c), (inbox, c))
SAYING(ACCOUNT_SWEEP, sweep, (struct core * c), (c))
