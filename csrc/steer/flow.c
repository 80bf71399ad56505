// SPDX-License-Identifier: BSD-3-Clause

#include "steer/flow.h"

#include "steer/rule.h"
#include "steer/steer.h"

#include <errno.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <string.h>

// A rule being made, and what the device says of it.
struct making {
	struct flow_rules *rules;
	struct rule rule;
	struct rte_flow_error error;
	uint32_t taken; // rules that it had when it refused one
};

static enum recipe_family family_of(const struct slb_address *addr) {
	return addr->family == 6 ? RECIPE_V6 : RECIPE_V4;
}

static uint16_t shapes_of(const struct flow_rules *f, const struct flow_target *t) {
	return recipe_shapes(f->recipe, family_of(&t->to));
}

static bool is_target(const struct flow_target *t) {
	return t->to.family != 0;
}

static uint8_t shape_of(const struct flow_rules *f, const struct flow_target *t, uint16_t number) {
	return f->recipe->shapes[family_of(&t->to)][number];
}

static void write(struct making *m, const struct flow_target *t, uint16_t number) {
	const struct flow_rules *f = m->rules;

	m->error = (struct rte_flow_error){0};
	rule_write(&m->rule, &t->to, shape_of(f, t, number), t->queue, f->tagged, f->counted);
}

static const char *said(const struct making *m, int rc) {
	return m->error.message != NULL ? m->error.message : rte_strerror(rc < 0 ? -rc : rc);
}

static uint32_t in_device(const struct flow_rules *f) {
	return f->n + (f->beside != NULL ? f->beside->n : 0);
}

// Whether the device agrees to all rules of a target.
static int check(struct making *m, const struct flow_target *t) {
	const struct flow_rules *f = m->rules;
	int rc = 0;

	for (uint16_t number = 0; rc == 0 && number < shapes_of(f, t); number++) {
		write(m, t, number);
		rc = f->nic->rule_check(
			f->dpdk_id, &m->rule.attr, m->rule.items, m->rule.actions, &m->error
		);
	}
	return rc;
}

// Nothing is installed before the device has agreed to everything.
static int check_all(struct making *m, const struct flow_targets *targets) {
	int rc = 0;

	for (uint16_t i = 0; rc == 0 && i < targets->n; i++)
		if (is_target(&targets->list[i]))
			rc = check(m, &targets->list[i]);
	return rc;
}

static bool is_of(const struct flow_rule *rule, const struct slb_address *addr) {
	return rule->to.family == addr->family
		&& memcmp(rule->to.bytes, addr->bytes, sizeof(addr->bytes)) == 0;
}

// True: it is gone.
static bool take_out(struct flow_rules *f, struct flow_rule *rule) {
	struct rte_flow_error error;
	int rc = rule->handle == NULL ? -ESTALE
				      : f->nic->rule_remove(f->dpdk_id, rule->handle, &error);

	if (rc == -ESTALE)
		rule->handle = NULL;
	f->n_stuck -= rule->stuck;
	rule->stuck = rc != 0;
	f->n_stuck += rule->stuck;
	return rc == 0;
}

// From the rule numbered `first` on: those of an address, NULL: all, and besides those that are stuck.
static void take_back(struct flow_rules *f, uint32_t first, const struct slb_address *addr) {
	uint32_t kept = first;

	for (uint32_t i = first; i < f->n; i++) {
		struct flow_rule *rule = &f->rules[i];
		bool goes = rule->stuck || addr == NULL || is_of(rule, addr);
		if (!goes || !take_out(f, rule))
			f->rules[kept++] = *rule;
	}
	f->n = kept;
}

static int add_rules(struct making *m, const struct flow_target *t) {
	struct flow_rules *f = m->rules;
	uint32_t before = f->n;

	for (uint16_t number = 0; number < shapes_of(f, t); number++) {
		struct rte_flow *handle;
		write(m, t, number);
		rte_errno = 0;
		handle = f->nic->rule_add(
			f->dpdk_id, &m->rule.attr, m->rule.items, m->rule.actions, &m->error
		);
		if (handle == NULL) {
			int rc = rte_errno != 0 ? rte_errno : EIO;
			m->taken = in_device(f);
			take_back(f, before, NULL);
			return -rc;
		}
		f->rules[f->n++] = (struct flow_rule){
			.to = t->to,
			.queue = t->queue,
			.shape = shape_of(f, t, number),
			.handle = handle,
		};
	}
	f->n_addresses++;
	return 0;
}

static bool has_room(const struct flow_rules *f, const struct flow_target *t) {
	uint32_t max = f->recipe->rules_max;

	return f->n + shapes_of(f, t) <= sizeof(f->rules) / sizeof(f->rules[0])
		&& (max == 0 || in_device(f) + shapes_of(f, t) <= max);
}

// Local addresses are dealt to the workers in turn, so those that are left out are so of all workers alike.
static void add_all(struct making *m, const struct flow_targets *targets, struct steer_text *why) {
	bool cannot = false, full = false;
	int rc = 0;

	for (uint16_t i = 0; rc == 0 && !full && i < targets->n; i++) {
		const struct flow_target *t = &targets->list[i];
		if (!is_target(t))
			continue;
		if (shapes_of(m->rules, t) == 0) {
			cannot = true;
			continue;
		}
		full = !has_room(m->rules, t);
		if (!full)
			rc = add_rules(m, t);
	}
	if (full)
		steer_say(why, "the device has room for %u rules", m->rules->recipe->rules_max);
	if (rc != 0)
		steer_say(
			why, "the device %s: %s",
			m->taken > 0 ? "takes no further rule" : "agrees to rules, but takes none",
			said(m, rc)
		);
	if (cannot)
		steer_say(why, "the device takes no rules by IPv6 destination alone");
	if (targets->all && (full || rc != 0))
		take_back(m->rules, 0, NULL);
}

// Whether the device agrees; few devices that take rules count their packets too.
static bool agreed(struct making *m, const struct flow_targets *targets, struct steer_text *why) {
	int rc;

	m->rules->counted = true;
	if (check_all(m, targets) == 0)
		return true;
	m->rules->counted = false;
	rc = check_all(m, targets);
	if (rc != 0)
		steer_say(why, "the device takes no rule by destination: %s", said(m, rc));
	return rc == 0;
}

struct flow_rules *flow_install(
	const struct steer_port *port, const struct flow_targets *targets, struct steer_text *why
) {
	struct flow_rules *f = rte_zmalloc("flow_rules", sizeof(*f), 64);
	struct making m = {.rules = f};

	if (f == NULL) {
		steer_say(why, "no memory for rules");
		return NULL;
	}
	f->nic = port->nic;
	f->dpdk_id = port->dpdk_id;
	f->recipe = recipe_of(port->driver);
	f->tagged = port->tagged;
	f->beside = targets->beside;
	if (agreed(&m, targets, why))
		add_all(&m, targets, why);
	if (f->n > 0)
		return f;
	rte_free(f);
	return NULL;
}

bool flow_has(const struct flow_rules *f, const struct slb_address *addr) {
	for (uint32_t i = 0; i < f->n; i++)
		if (!f->rules[i].stuck && is_of(&f->rules[i], addr))
			return true;
	return false;
}

static bool has_stuck(const struct flow_rules *f, const struct slb_address *addr) {
	for (uint32_t i = 0; i < f->n; i++)
		if (f->rules[i].stuck && is_of(&f->rules[i], addr))
			return true;
	return false;
}

static void retry_stuck(struct flow_rules *f) {
	static const struct slb_address NONE;

	if (f->n_stuck > 0)
		take_back(f, 0, &NONE);
}

// Where the device has a rule left from before, nobody knows which of the two it would heed.
bool flow_add(struct flow_rules *f, const struct flow_target *target) {
	struct making m = {.rules = f};

	retry_stuck(f);
	return !has_stuck(f, &target->to) && shapes_of(f, target) > 0 && has_room(f, target)
		&& check(&m, target) == 0 && add_rules(&m, target) == 0;
}

void flow_drop(struct flow_rules *f, const struct slb_address *addr) {
	f->n_addresses -= flow_has(f, addr);
	take_back(f, 0, addr);
}

bool flow_hits(const struct flow_rules *f, const struct flow_rule *rule, uint64_t *hits) {
	const struct rte_flow_action actions[] = {
		{.type = RTE_FLOW_ACTION_TYPE_COUNT},
		{.type = RTE_FLOW_ACTION_TYPE_END},
	};
	struct rte_flow_query_count count = {0};
	struct rte_flow_error error;

	if (!f->counted || rule->handle == NULL
	    || f->nic->rule_query(f->dpdk_id, rule->handle, actions, &count, &error) != 0
	    || !count.hits_set)
		return false;
	*hits = count.hits;
	return true;
}

void flow_remove(struct flow_rules *f) {
	if (f != NULL)
		take_back(f, 0, NULL);
	rte_free(f);
}
