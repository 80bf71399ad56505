// SPDX-License-Identifier: BSD-3-Clause

#include "steer/steer.h"

#include "path/rss_port.h"

#include <errno.h>
#include <rte_malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void steer_say(struct steer_text *to, const char *format, ...) {
	size_t used = strlen(to->text);
	va_list args;

	if (used > 0) {
		snprintf(to->text + used, to->len - used, "; ");
		used = strlen(to->text);
	}
	va_start(args, format);
	vsnprintf(to->text + used, to->len - used, format, args);
	va_end(args);
}

// With fewer queues than workers the device cannot reach them all, whatever it does.
static uint8_t choose_spread(const struct steer_port *port, const struct steer_choice *choice) {
	bool reaches_all = port->n_queues >= port->n_workers;

	if (port->n_workers == 1)
		return SLB_SPREAD_QUEUES;
	if (!reaches_all || !port->device_spreads || port->distrust_spread)
		return SLB_SPREAD_HASH;
	if (choice->rss != NULL || port->n_active == port->n_workers || share_start(port))
		return SLB_SPREAD_QUEUES;
	return SLB_SPREAD_HASH;
}

static uint16_t n_addresses(const struct steer_port *port) {
	uint16_t n = 0;

	for (uint16_t i = 0; i < port->n_laddrs; i++)
		n += steer_has(port, i);
	return n;
}

// By local address; those of other ports are none here.
static struct flow_rules *make_rules(const struct steer_port *port, struct steer_text *why) {
	struct flow_target list[SLB_MAX_LADDRS];
	struct flow_targets targets = {.list = list, .n = port->n_laddrs};

	for (uint16_t i = 0; i < port->n_laddrs; i++) {
		const struct slb_laddr_config *l = &port->laddrs[i];
		list[i] = steer_has(port, i) ? (struct flow_target){l->addr, l->worker}
					     : (struct flow_target){0};
	}
	if (port->kni != NULL)
		targets.beside = port->kni->rules;
	return flow_install(port, &targets, why);
}

// A method that is configured is the best to be tried.
static void try_methods(
	const struct steer_port *port, struct steer_choice *choice, struct steer_text *why
) {
	uint8_t best = port->steering;
	uint16_t n = n_addresses(port);

	if (best == SLB_STEERING_AUTO || best == SLB_STEERING_FLOW)
		choice->rules = make_rules(port, why);
	if (choice->rules != NULL && choice->rules->n_addresses == n)
		return;
	choice->rss = rss_port_find(port, choice->rules, why);
}

static uint8_t method_of(const struct steer_choice *choice) {
	if (choice->rules != NULL)
		return SLB_STEER_FLOW;
	return choice->rss != NULL ? SLB_STEER_RSS_PORT : SLB_STEER_SOFT;
}

static int choose(const struct steer_port *port, struct steer_choice *choice, struct err *e) {
	struct steer_text why = {choice->reason, sizeof(choice->reason)};
	bool wrong;

	*choice = (struct steer_choice){.method = SLB_STEER_SINGLE};
	if (port->n_workers == 1) {
		steer_say(&why, "one worker: nothing to steer");
		choice->spread = choose_spread(port, choice);
		return 0;
	}
	choice->method = SLB_STEER_SOFT;
	if (n_addresses(port) == 0)
		steer_say(&why, "no local addresses, so no replies to steer");
	else if (port->steering == SLB_STEERING_SOFT)
		steer_say(&why, "so configured");
	else if (port->n_queues < port->n_workers)
		steer_say(
			&why, "%u receive queues do not reach %u workers", port->n_queues,
			port->n_workers
		);
	else
		try_methods(port, choice, &why);
	choice->method = method_of(choice);
	choice->spread = choose_spread(port, choice);
	wrong = n_addresses(port) > 0
		&& ((port->steering == SLB_STEERING_FLOW && choice->method != SLB_STEER_FLOW)
		    || (port->steering == SLB_STEERING_RSS_PORT
			&& choice->method != SLB_STEER_RSS_PORT));
	if (!wrong)
		return 0;
	err_set(e, ENOTSUP, "%s", choice->reason);
	steer_close(choice);
	return -ENOTSUP;
}

int steer_choose(const struct steer_port *port, struct steer_choice *choice, struct err *e) {
	int rc = choose(port, choice, e);

	if (rc != 0 || port->kni == NULL)
		return rc;
	choice->kni_rules = port->kni->rules;
	kni_queue_say(port->kni, &(struct steer_text){choice->reason, sizeof(choice->reason)});
	return 0;
}

bool steer_has_rules(const struct steer_choice *choice, const struct slb_address *addr) {
	return choice->rules != NULL && flow_has(choice->rules, addr);
}

const struct rss_port *steer_rss(
	const struct steer_choice *choice, const struct slb_address *addr
) {
	enum rss_family family = addr->family == 6 ? RSS_V6 : RSS_V4;

	if (choice->rss == NULL || !choice->rss->serves[family] || steer_has_rules(choice, addr))
		return NULL;
	return choice->rss;
}

const struct rss_port *steer_add(
	struct steer_choice *choice, const struct slb_address *addr, uint16_t worker
) {
	if (choice->kni_rules != NULL)
		flow_drop(choice->kni_rules, addr);
	if (choice->rules != NULL)
		flow_add(choice->rules, &(struct flow_target){*addr, worker});
	return steer_rss(choice, addr);
}

void steer_remove(struct steer_choice *choice, const struct slb_address *addr) {
	if (choice->rules != NULL)
		flow_drop(choice->rules, addr);
}

void steer_close(struct steer_choice *choice) {
	flow_remove(choice->rules);
	rte_free(choice->rss);
	choice->rules = choice->kni_rules = NULL;
	choice->rss = NULL;
}
