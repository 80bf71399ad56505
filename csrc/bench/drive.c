// SPDX-License-Identifier: BSD-3-Clause

#include "bench/drive.h"

#include "bench/spoil.h"
#include "bench/swap.h"
#include "bench/world.h"
#include "path/path.h"

#include <rte_cycles.h>
#include <rte_mbuf.h>
#include <stdlib.h>

// Many more than the sessions that caches hold; few enough for the memory.
enum { TRACE = 1 << 20 };

// Between the mbufs of two workers. A CPU that goes through a row of them fetches some beyond its end ahead, in each round, and takes them from the other's caches:
// up to a tenth of an exchange of addresses in rounds of 128 frames. Rings of a device are longer than rounds are here.
enum { APART = 256 };

enum { INTERRUPTED_EACH = 100, INTERRUPTED_US = 5000 };

bool drive_interrupts;

struct drive drive_begin(uint16_t worker, enum trace_ways ways) {
	static struct rte_mbuf **mbufs[SLB_MAX_WORKERS];
	struct core *c = world_core(worker);

	if (mbufs[worker] == NULL) {
		mbufs[worker] = world_mbufs(DRIVE_FRAMES);
		free(world_mbufs(APART));
	}
	return (struct drive){
		.core = c, .trace = trace_draw(c, TRACE, ways), .mbufs = mbufs[worker]
	};
}

void drive_end(struct drive *d) {
	trace_free(&d->trace);
}

void drive_frames(struct drive *d) {
	for (uint32_t i = 0; i < DRIVE_FRAMES; i++) {
		d->sent[i] = trace_next(&d->trace);
		frame_write(d->mbufs[i], d->sent[i]);
	}
}

void drive_nat(struct drive *d, struct stopwatch *w) {
	uint32_t sent = 0;

	d->swapped = false;
	if (w != NULL)
		stopwatch_begin(w);
	for (uint32_t i = 0; i < DRIVE_FRAMES; i += BURST) {
		path_run(d->core, &d->burst, &d->mbufs[i], BURST, FROM_PORT);
		for (uint32_t k = 0; k < BURST; k++)
			sent += d->burst.pkts[k].verdict == VERDICT_TX;
	}
	if (w != NULL && drive_interrupts && w->n % INTERRUPTED_EACH == 0)
		rte_delay_us_block(INTERRUPTED_US);
	if (w != NULL)
		stopwatch_end(w);
	if (sent != DRIVE_FRAMES)
		world_fail("a packet of a session was not sent on");
	for (uint32_t i = 0; spoil_what != SPOIL_NOTHING && i < DRIVE_FRAMES; i++)
		spoil(d->mbufs[i]);
}

void drive_swap(struct drive *d, struct stopwatch *w) {
	d->swapped = true;
	if (w != NULL)
		stopwatch_begin(w);
	for (uint32_t i = 0; i < DRIVE_FRAMES; i += BURST)
		swap_run(&d->mbufs[i], BURST);
	if (w != NULL)
		stopwatch_end(w);
}

void drive_check_swapped(const struct frame_key *k, struct rte_mbuf *m) {
	struct frame_key turned = frame_turned(k);

	spoil_swapped(m);
	if (!frame_is(m, &turned))
		world_fail("a packet was not turned round");
}

void drive_check(struct drive *d) {
	uint32_t i = d->turn++ % DRIVE_FRAMES;

	if (d->swapped)
		drive_check_swapped(d->sent[i], d->mbufs[i]);
	else if (!trace_is_answer(d->core, d->sent[i], d->mbufs[i]))
		world_fail("a packet did not become what it must");
}
