// SPDX-License-Identifier: BSD-3-Clause
// Source hash by weighted rendezvous (Thaler and Ravishankar, 1998): every RS bids for the client's address, the highest
// bid wins. All workers and all LB hosts agree without talking, and a change of one RS moves only its own clients.

#include "base/hash.h"
#include "path/pkt.h"
#include "path/sched.h"

#include <math.h>
#include <stddef.h>

static const struct hash_seed BID_SEED = {0x1d8e4e27c47d124fULL, 0xeb44accab455d165ULL};

// A weight w wins with probability w / sum of weights when the bid is log(u) / w, u uniform in (0, 1).
static double bid(struct ipaddr client, const struct vs_rs *rs) {
	uint64_t hash =
		hash_32(&BID_SEED, client.hi, client.lo, rs->addr.hi ^ rs->port_be, rs->addr.lo);
	double u = ((double)(hash >> 11) + 0.5) * 0x1.0p-53;
	return log(u) / rs->weight;
}

static struct vs_rs *sh_pick(struct vs *vs, const struct pkt *p) {
	const struct ipaddr client = pkt_src(p);
	struct vs_rs *best = NULL;
	double best_bid = 0;

	for (uint32_t i = 0; i < vs->n_rs; i++) {
		struct vs_rs *rs = &vs->rs[i];
		double b;
		if (rs->weight == 0)
			continue;
		b = bid(client, rs);
		if (best == NULL || b > best_bid) {
			best = rs;
			best_bid = b;
		}
	}
	return best;
}

const struct sched_ops sched_sh = {.name = "sh", .pick = sh_pick};
