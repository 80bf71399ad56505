// SPDX-License-Identifier: BSD-3-Clause
// Brings a change to all workers or to none, and waits for their answers.
#pragma once

#include "admin/admin.h"
#include "worker/inbox.h"

// One message a worker, each with its own objects.
struct publication {
	struct admin *admin;
	struct inbox_msg *msgs[SLB_MAX_WORKERS];
	struct inbox_msg *undos[SLB_MAX_WORKERS]; // in store, so that undoing cannot fail
};

// Allocates the messages, with room for so many elements, for generation + 1. 0 or -ENOMEM.
int publication_init(
	struct publication *p, struct admin *a, uint32_t n_vs, uint32_t n_fresh_rs,
	uint32_t n_gone_rs
);

// The first worker that has not answered an earlier change yet, or n_workers. It may carry that out and take it back at any time, so nothing
// that such a worker has is to be given away.
uint16_t publish_silent(struct admin *a);

// -EBUSY, with *refused filled in.
int publish_refuse(struct slb_refused *refused, uint16_t silent);

// Hands the messages over. 0: every worker is at the new generation, and so is the admin core. Otherwise every
// worker that answered is back at the old one, and -ECANCELED (a worker refused), -ETIMEDOUT (a worker did
// not answer) or -EBUSY (one has still not answered an earlier change) with *refused filled in.
int publish(struct publication *p, struct slb_refused *refused);

// All workers' copies of a->spread, anew. As publish(); -ENOMEM too.
int publish_spread(struct admin *a, struct slb_refused *refused);

// Frees messages and the objects in them: after success the replaced ones, otherwise the new ones. Messages that a
// silent worker still holds are kept until it answers.
void publication_free(struct publication *p);

// Sends one message of any kind and waits for the answer. 0: the caller frees it. Otherwise it is taken care of:
// -ETIMEDOUT, -EBUSY (not sent: the worker has not answered many others).
int publish_one(struct admin *a, uint16_t worker, struct inbox_msg *msg);

// Sends one message that nobody waits for the answer to; it is taken care of in any case. -EBUSY: not sent.
int publish_post(struct admin *a, uint16_t worker, struct inbox_msg *msg);

// Sends one message to each worker and waits for all answers. 0: the caller frees them. Otherwise as of publish_one(), *silent is the first
// worker that has not answered, and those of workers that have not are taken care of, and NULL.
int publish_each(struct admin *a, struct inbox_msg **msgs, uint16_t *silent);

// The workers have stopped: frees what they never answered.
void publish_end(struct admin *a);
