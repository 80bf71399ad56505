// SPDX-License-Identifier: BSD-3-Clause

#include "steer/flow.h"

#include "steer/recipe.h"
#include "steer/rule.h"
#include "steer/steer.h"

#include <rte_errno.h>
#include <rte_malloc.h>

// One run of making a port's rules.
struct making {
	const struct steer_port *port;
	const struct flow_targets *targets;
	const struct recipe *recipe;
	struct steer_text *why;
	struct flow_rules *rules;
	struct rule rule;
	struct rte_flow_error error;
};

static enum recipe_family family_of(const struct slb_address *addr) {
	return addr->family == 6 ? RECIPE_V6 : RECIPE_V4;
}

static bool is_target(const struct making *m, uint16_t number) {
	return m->targets->list[number].to.family != 0;
}

static const uint8_t *recipe_for(const struct making *m, uint16_t target) {
	return m->recipe->shapes[family_of(&m->targets->list[target].to)];
}

static uint16_t shapes_of(const struct making *m, uint16_t target) {
	return recipe_shapes(m->recipe, family_of(&m->targets->list[target].to));
}

static void write(struct making *m, uint16_t target, uint16_t number, bool counted) {
	const struct flow_target *t = &m->targets->list[target];

	m->error = (struct rte_flow_error){0};
	rule_write(
		&m->rule, &t->to, recipe_for(m, target)[number], t->queue, m->port->tagged, counted
	);
}

static const char *said(const struct making *m, int rc) {
	return m->error.message != NULL ? m->error.message : rte_strerror(rc < 0 ? -rc : rc);
}

static int check(struct making *m, uint16_t target, uint16_t number, bool counted) {
	write(m, target, number, counted);
	return m->port->nic->rule_check(
		m->port->dpdk_id, &m->rule.attr, m->rule.items, m->rule.actions, &m->error
	);
}

// Nothing is installed before the device has agreed to everything.
static bool check_all(struct making *m, bool counted) {
	for (uint16_t i = 0; i < m->targets->n; i++) {
		if (!is_target(m, i))
			continue;
		for (uint16_t number = 0; number < shapes_of(m, i); number++) {
			int rc = check(m, i, number, counted);
			if (rc == 0)
				continue;
			if (!counted)
				steer_say(
					m->why, "the device takes no rule by destination: %s",
					said(m, rc)
				);
			return false;
		}
	}
	return true;
}

// The last rules of the list, those of an address that cannot have all of its.
static void take_back(struct flow_rules *f, uint32_t n) {
	struct rte_flow_error error;

	while (f->n > n)
		f->nic->rule_remove(f->dpdk_id, f->rules[--f->n].handle, &error);
}

static int add_rules(struct making *m, uint16_t target) {
	struct flow_rules *f = m->rules;
	uint32_t before = f->n;

	for (uint16_t number = 0; number < shapes_of(m, target); number++) {
		struct rte_flow *handle;
		write(m, target, number, f->counted);
		rte_errno = 0;
		handle = f->nic->rule_add(
			f->dpdk_id, &m->rule.attr, m->rule.items, m->rule.actions, &m->error
		);
		if (handle == NULL) {
			int rc = rte_errno != 0 ? rte_errno : EIO;
			take_back(f, before);
			return -rc;
		}
		f->rules[f->n++] = (struct flow_rule){
			.to = m->targets->list[target].to,
			.queue = m->targets->list[target].queue,
			.shape = recipe_for(m, target)[number],
			.handle = handle,
		};
	}
	f->has[target] = true;
	f->n_addresses++;
	return 0;
}

static bool has_room(const struct making *m, uint16_t target) {
	return m->recipe->rules_max == 0
		|| m->targets->used + m->rules->n + shapes_of(m, target) <= m->recipe->rules_max;
}

// Local addresses are dealt to the workers in turn, so those that are left out are so of all workers alike.
static void add_all(struct making *m) {
	bool cannot = false, full = false;
	int rc = 0;

	for (uint16_t i = 0; rc == 0 && !full && i < m->targets->n; i++) {
		if (!is_target(m, i))
			continue;
		if (shapes_of(m, i) == 0) {
			cannot = true;
			continue;
		}
		full = !has_room(m, i);
		if (!full)
			rc = add_rules(m, i);
	}
	if (full)
		steer_say(m->why, "the device has room for %u rules", m->recipe->rules_max);
	if (rc != 0)
		steer_say(m->why, "the device takes no further rule: %s", said(m, rc));
	if (cannot)
		steer_say(m->why, "the device takes no rules by IPv6 destination alone");
	if (m->targets->all && (full || rc != 0))
		take_back(m->rules, 0);
}

static uint32_t rules_needed(const struct making *m) {
	uint32_t n = 0;

	for (uint16_t i = 0; i < m->targets->n; i++)
		n += is_target(m, i) ? shapes_of(m, i) : 0;
	return n;
}

static bool begin(struct making *m) {
	uint32_t n = rules_needed(m);
	struct flow_rules *f;

	f = rte_zmalloc("flow_rules", sizeof(*f) + n * sizeof(f->rules[0]), 64);
	m->rules = f;
	if (f == NULL) {
		steer_say(m->why, "no memory for %u rules", n);
		return false;
	}
	f->nic = m->port->nic;
	f->dpdk_id = m->port->dpdk_id;
	// Few devices that take rules count their packets too.
	f->counted = n > 0 && check_all(m, true);
	return f->counted || check_all(m, false);
}

struct flow_rules *flow_install(
	const struct steer_port *port, const struct flow_targets *targets, struct steer_text *why
) {
	struct making m = {
		.port = port, .targets = targets, .recipe = recipe_of(port->driver), .why = why
	};

	if (begin(&m))
		add_all(&m);
	if (m.rules == NULL || m.rules->n > 0)
		return m.rules;
	rte_free(m.rules);
	return NULL;
}

bool flow_hits(const struct flow_rules *f, const struct flow_rule *rule, uint64_t *hits) {
	const struct rte_flow_action actions[] = {
		{.type = RTE_FLOW_ACTION_TYPE_COUNT},
		{.type = RTE_FLOW_ACTION_TYPE_END},
	};
	struct rte_flow_query_count count = {0};
	struct rte_flow_error error;

	if (!f->counted
	    || f->nic->rule_query(f->dpdk_id, rule->handle, actions, &count, &error) != 0
	    || !count.hits_set)
		return false;
	*hits = count.hits;
	return true;
}

void flow_remove(struct flow_rules *f) {
	if (f != NULL)
		take_back(f, 0);
	rte_free(f);
}
