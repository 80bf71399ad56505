// SPDX-License-Identifier: BSD-3-Clause
// Packet capture by DPDK's tools, which attach to memory that is shared. DPDK's own server of it adds callbacks to a port's queues
// when a tool asks, and removes them when the tool asks again. It asks nobody whether the tool lives: this file keeps account of
// who captures what, lets nobody undo or double what another one does, and ends what a tool has left that was killed.

#include "engine/capture.h"

#include "engine/engine.h"

#include <errno.h>
#include <pthread.h>
#include <rte_bpf.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_log.h>
#include <rte_memory.h>
#include <rte_pdump.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MAX_CAPTURES = 64, WATCH_US = 20000 };

static const char SERVICE[] = "mp_pdump";

struct capture {
	char peer[sizeof(((struct sockaddr_un *)NULL)->sun_path)]; // the tool's socket; "": unused
	struct capture_request request;
	uint16_t port;
	bool promiscuous; // the port was, before
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_t watcher;
static bool watching;
static struct engine *engine; // NULL: it does not run, or shares nothing
static struct capture captures[MAX_CAPTURES];
static rte_mp_t server; // DPDK's

int __real_rte_mp_action_register(const char *name, rte_mp_t action);
int __wrap_rte_mp_action_register(const char *name, rte_mp_t action);

static void complain(const char *what, const struct capture_request *r, const char *peer) {
	const char *slash = strrchr(peer, '/');

	rte_log(RTE_LOG_ERR, RTE_LOGTYPE_USER1, "capture on %.*s by %s: %s\n", RTE_DEV_NAME_MAX_LEN,
		r->device, slash != NULL ? slash + 1 : peer, what);
}

// Whether somebody still has the socket open. It need not be a process that this one may see.
static bool lives(const char *peer) {
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool dead;

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", peer);
	dead = fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0
		&& (errno == ECONNREFUSED || errno == ENOENT);
	if (fd >= 0)
		close(fd);
	return !dead;
}

static bool overlaps(const struct capture_request *a, const struct capture_request *b) {
	return (a->flags & b->flags & RTE_PDUMP_FLAG_RXTX) != 0
		&& strncmp(a->device, b->device, sizeof(a->device)) == 0
		&& (a->queue == b->queue || a->queue == RTE_PDUMP_ALL_QUEUES
		    || b->queue == RTE_PDUMP_ALL_QUEUES);
}

static struct capture *find(const struct capture_request *r, const char *peer) {
	for (struct capture *c = captures; c < captures + MAX_CAPTURES; c++)
		if (c->peer[0] != '\0' && overlaps(&c->request, r)
		    && (peer == NULL || strcmp(c->peer, peer) == 0))
			return c;
	return NULL;
}

static struct capture *unused(void) {
	for (struct capture *c = captures; c < captures + MAX_CAPTURES; c++)
		if (c->peer[0] == '\0')
			return c;
	return NULL;
}

static void disable(const struct capture *c) {
	struct rte_mp_msg message = {.len_param = sizeof(c->request)};
	struct capture_request *r = (struct capture_request *)message.param;

	snprintf(message.name, sizeof(message.name), "%s", SERVICE);
	*r = c->request;
	r->op = CAPTURE_DISABLE;
	r->filter = NULL;
	// It answers, too, to nobody.
	server(&message, c->peer);
	if (!c->promiscuous && rte_eth_promiscuous_get(c->port) == 1)
		rte_eth_promiscuous_disable(c->port);
}

// Ends all that a dead tool has captured, and takes back its memory. All its captures at once, since they share pools.
static void bury(const char *dead) {
	struct capture_estate estate = {0};
	char peer[sizeof(captures[0].peer)];

	memcpy(peer, dead, sizeof(peer));
	for (struct capture *c = captures; c < captures + MAX_CAPTURES; c++) {
		if (strcmp(c->peer, peer) != 0)
			continue;
		disable(c);
		capture_estate_add(&estate, &c->request);
		complain("the tool has died; its capture is ended", &c->request, peer);
		c->peer[0] = '\0';
	}
	if (!capture_estate_free(&estate, engine))
		rte_log(RTE_LOG_ERR, RTE_LOGTYPE_USER1,
			"capture: workers do not turn; the dead tool's memory is kept\n");
}

// A pool and a ring that the tool has made in shared memory.
static bool is_sound(const struct capture_request *r) {
	return rte_mem_virt2memseg_list(r->pool) != NULL
		&& rte_mem_virt2memseg_list(r->ring) != NULL
		&& (r->filter == NULL || rte_mem_virt2memseg_list(r->filter) != NULL);
}

static int begin(const struct capture_request *r, const char *peer) {
	struct capture *c = find(r, NULL);
	uint16_t port;

	if (c != NULL && !lives(c->peer)) {
		bury(c->peer);
		c = find(r, NULL);
	}
	if (c != NULL) {
		complain("refused, since another one captures there", r, peer);
		return -EEXIST;
	}
	if (!is_sound(r) || !pool_kind_is_ours(r->pool->ops_index)) {
		complain("refused; use the tools of the DPDK that slbd was built with", r, peer);
		return -EINVAL;
	}
	c = unused();
	if (c == NULL || rte_eth_dev_get_port_by_name(r->device, &port) != 0)
		return c == NULL ? -ENOSPC : -ENODEV;
	snprintf(c->peer, sizeof(c->peer), "%s", peer);
	c->request = *r;
	c->port = port;
	c->promiscuous = rte_eth_promiscuous_get(port) == 1;
	pthread_cond_signal(&changed);
	return 0;
}

static int end(const struct capture_request *r, const char *peer) {
	struct capture *c = find(r, peer);

	if (c == NULL)
		return -ENOENT;
	c->request.flags &= ~r->flags;
	if ((c->request.flags & RTE_PDUMP_FLAG_RXTX) == 0)
		c->peer[0] = '\0';
	return 0;
}

static int judge(const struct rte_mp_msg *message, const char *peer) {
	const struct capture_request *r = (const struct capture_request *)message->param;

	if (engine == NULL)
		return -ESHUTDOWN;
	if (message->len_param != sizeof(*r)
	    || (r->op != CAPTURE_ENABLE && r->op != CAPTURE_DISABLE)
	    || memchr(r->device, '\0', sizeof(r->device)) == NULL)
		return -EINVAL;
	return r->op == CAPTURE_ENABLE ? begin(r, peer) : end(r, peer);
}

static int refuse(const struct rte_mp_msg *message, const char *peer, int rc) {
	const struct capture_request *r = (const struct capture_request *)message->param;
	struct capture_answer answer = {r->version, r->op, rc};
	struct rte_mp_msg reply = {.len_param = sizeof(answer)};

	snprintf(reply.name, sizeof(reply.name), "%s", SERVICE);
	memcpy(reply.param, &answer, sizeof(answer));
	return rte_mp_reply(&reply, peer);
}

static int serve(const struct rte_mp_msg *message, const void *peer) {
	int rc;

	pthread_mutex_lock(&lock);
	rc = judge(message, peer);
	rc = rc == 0 ? server(message, peer) : refuse(message, peer, rc);
	pthread_mutex_unlock(&lock);
	return rc;
}

// Takes the place of rte_mp_action_register() in all of DPDK: meson.build says so to the linker.
int __wrap_rte_mp_action_register(const char *name, rte_mp_t action) {
	if (strcmp(name, SERVICE) != 0)
		return __real_rte_mp_action_register(name, action);
	server = action;
	return __real_rte_mp_action_register(name, serve);
}

// Sleeps while nobody captures.
static void *watch(void *) {
	bool any;

	pthread_mutex_lock(&lock);
	while (engine != NULL) {
		any = false;
		for (struct capture *c = captures; c < captures + MAX_CAPTURES; c++) {
			if (c->peer[0] != '\0' && !lives(c->peer))
				bury(c->peer);
			any |= c->peer[0] != '\0';
		}
		if (!any) {
			pthread_cond_wait(&changed, &lock);
			continue;
		}
		pthread_mutex_unlock(&lock);
		usleep(WATCH_US);
		pthread_mutex_lock(&lock);
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

int capture_open(struct engine *g, struct err *e) {
	sigset_t all, before;
	int rc;

	if (!g->config.shared_memory)
		return 0;
	engine = g;
	if (rte_pdump_init() != 0) {
		engine = NULL;
		return err_set(e, ENOMEM, "DPDK's packet capture does not start");
	}
	capture_clock_start(pool_of(g, g->ports[0].socket));
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&watcher, NULL, watch, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	watching = rc == 0;
	return rc == 0 ? 0 : err_set(e, rc, "no thread to watch DPDK's tools");
}

void capture_close(void) {
	bool was;

	pthread_mutex_lock(&lock);
	was = engine != NULL;
	engine = NULL;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
	if (watching)
		pthread_join(watcher, NULL);
	watching = false;
	if (was) {
		rte_pdump_uninit();
		leftovers_forget_tools();
	}
}
