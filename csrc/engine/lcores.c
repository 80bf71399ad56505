// SPDX-License-Identifier: BSD-3-Clause
// Starts and stops the lcores' loops, and the way in for the admin core's callers.

#include "engine/engine.h"

#include <errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_pause.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_POLL_US = 20, WAKE_MS = 100 };

static void wait_for_workers(void *) {
	usleep(ANSWER_POLL_US);
}

// net_tap has a real-time signal sent to the process for packets that arrive. Python's threads block these, so that they
// are not woken for each; the lcores are there to be.
static void take_device_signals(void) {
	sigset_t signals;

	sigemptyset(&signals);
	for (int number = SIGRTMIN; number <= SIGRTMAX; number++)
		sigaddset(&signals, number);
	pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
}

static int worker_lcore(void *arg) {
	struct worker *w = arg;

	take_device_signals();
	idle_init(&w->idle, w->idle.policy);
	return worker_main(w);
}

static int kni_lcore(void *arg) {
	struct kni *kni = arg;

	take_device_signals();
	idle_init(&kni->idle, kni->idle.policy);
	return kni_main(kni);
}

static bool stopped(struct engine *g) {
	return __atomic_load_n(&g->stop, __ATOMIC_RELAXED) != 0;
}

// Waits for a request; a busy-polling admin core does not sleep for it.
static void await_request(struct engine *g) {
	struct mailbox *box = &g->mailbox;
	struct timespec until;

	if (g->config.admin_idle == SLB_IDLE_BUSY) {
		pthread_mutex_unlock(&box->lock);
		rte_pause();
		pthread_mutex_lock(&box->lock);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += WAKE_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	pthread_cond_timedwait(&box->changed, &box->lock, &until);
}

int mailbox_main(void *arg) {
	struct engine *g = arg;
	struct mailbox *box = &g->mailbox;

	pthread_mutex_lock(&box->lock);
	while (!stopped(g)) {
		tap_wake(&g->tap_wake);
		if (box->call == NULL) {
			await_request(g);
			continue;
		}
		box->rc = box->call(&g->admin, box->arg);
		box->call = NULL;
		pthread_cond_broadcast(&box->changed);
	}
	pthread_mutex_unlock(&box->lock);
	return 0;
}

int mailbox_call(struct engine *g, int (*call)(struct admin *admin, void *arg), void *arg) {
	struct mailbox *box = &g->mailbox;
	int rc = -ESHUTDOWN;

	pthread_mutex_lock(&box->caller);
	pthread_mutex_lock(&box->lock);
	if (g->launched && !stopped(g)) {
		box->arg = arg;
		box->call = call;
		pthread_cond_broadcast(&box->changed);
		while (box->call != NULL && !stopped(g))
			pthread_cond_wait(&box->changed, &box->lock);
		rc = box->call == NULL ? box->rc : -ESHUTDOWN;
	}
	pthread_mutex_unlock(&box->lock);
	pthread_mutex_unlock(&box->caller);
	return rc;
}

int lcores_launch(struct engine *g, struct err *e) {
	int rc;

	g->admin.wait = wait_for_workers;
	tap_wake_find(&g->tap_wake);
	g->launched = true;
	rc = rte_eal_remote_launch(mailbox_main, g, LCORE_ADMIN);
	if (rc == 0)
		rc = rte_eal_remote_launch(kni_lcore, &g->kni, LCORE_KNI);
	for (uint16_t w = 0; rc == 0 && w < g->config.n_workers; w++)
		rc = rte_eal_remote_launch(worker_lcore, g->workers[w], LCORE_WORKER + w);
	return rc == 0 ? 0 : err_set(e, -rc, "an lcore did not start");
}

void lcores_stop(struct engine *g) {
	if (!g->launched)
		return;
	__atomic_store_n(&g->stop, 1, __ATOMIC_RELAXED);
	pthread_mutex_lock(&g->mailbox.lock);
	pthread_cond_broadcast(&g->mailbox.changed);
	pthread_mutex_unlock(&g->mailbox.lock);
	rte_eal_mp_wait_lcore();
	g->launched = false;
}
