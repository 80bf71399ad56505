// SPDX-License-Identifier: BSD-3-Clause
// A model of a NIC for ports that have no device: RSS with a key and a table that may be fixed, and rules as a driver checks and keeps
// them. Which queue a frame goes to is for the test to say, by what the model was told.

#include "slb_harness_c.h"

#include "base/err.h"
#include "harness/inner.h"
#include "steer/steer.h"

#include <errno.h>
#include <rte_errno.h>
#include <string.h>

// A handle is the rule's place, counted from 1.
struct model {
	bool used;
	struct harness_nic nic;
	uint16_t n_rules; // places used, of which some may be empty again
	struct harness_nic_rule rules[HARNESS_NIC_RULES];
	uint16_t queues; // that it is configured with
	struct kni_queue kni;
	struct steer_choice choice;
};

static struct model models[SLB_MAX_PORTS];

int harness_set_nic(uint16_t port, const struct harness_nic *nic) {
	if (port >= SLB_MAX_PORTS)
		return -EINVAL;
	models[port].used = nic != NULL;
	if (nic != NULL)
		models[port].nic = *nic;
	return 0;
}

int harness_get_nic(uint16_t port, struct harness_nic *out) {
	if (port >= SLB_MAX_PORTS || !models[port].used)
		return -ENODEV;
	*out = models[port].nic;
	return 0;
}

int harness_nic_rule_list(uint16_t port, struct harness_nic_rule *out, uint32_t cap) {
	const struct model *m = &models[port < SLB_MAX_PORTS ? port : 0];
	uint32_t n = 0;

	for (uint16_t i = 0; i < m->n_rules; i++) {
		if (m->rules[i].shape == SLB_RULE_NONE)
			continue;
		if (n < cap)
			out[n] = m->rules[i];
		n++;
	}
	return (int)n;
}

// ---- RSS ----

static int model_info(uint16_t id, struct rte_eth_dev_info *info) {
	const struct harness_nic *nic = &models[id].nic;

	*info = (struct rte_eth_dev_info){
		.reta_size = nic->table_len,
		.hash_key_size = (uint8_t)nic->key_len,
		.max_rx_queues = nic->queues,
	};
	return 0;
}

static int model_hash_get(uint16_t id, struct rte_eth_rss_conf *conf) {
	const struct harness_nic *nic = &models[id].nic;

	if (nic->faults & HARNESS_NIC_KEY_HIDDEN)
		return -ENOTSUP;
	memcpy(conf->rss_key, nic->key, nic->key_len);
	conf->rss_hf = nic->rss_types;
	return 0;
}

static int model_hash_set(uint16_t id, struct rte_eth_rss_conf *conf) {
	struct harness_nic *nic = &models[id].nic;

	if (nic->faults & HARNESS_NIC_KEY_FIXED)
		return -ENOTSUP;
	memcpy(nic->key, conf->rss_key, nic->key_len);
	return 0;
}

static int model_table_get(uint16_t id, struct rte_eth_rss_reta_entry64 *table, uint16_t n) {
	const struct harness_nic *nic = &models[id].nic;

	if (nic->faults & HARNESS_NIC_TABLE_HIDDEN)
		return -ENOTSUP;
	for (uint16_t i = 0; i < n; i++)
		table[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] =
			nic->table[i];
	return 0;
}

static int model_table_set(uint16_t id, struct rte_eth_rss_reta_entry64 *table, uint16_t n) {
	struct harness_nic *nic = &models[id].nic;

	if (nic->faults & HARNESS_NIC_TABLE_FIXED)
		return -ENOTSUP;
	for (uint16_t i = 0; i < n && !(nic->faults & HARNESS_NIC_TABLE_STUCK); i++) {
		const struct rte_eth_rss_reta_entry64 *group = &table[i / RTE_ETH_RETA_GROUP_SIZE];
		uint16_t at = i % RTE_ETH_RETA_GROUP_SIZE;
		if (group->mask >> at & 1)
			nic->table[i] = (uint8_t)group->reta[at];
	}
	return 0;
}

// ---- rules ----

static int refuse(struct rte_flow_error *error, int code, const char *message) {
	return rte_flow_error_set(error, code, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL, message);
}

static bool all_ones(const void *bytes, size_t n) {
	for (size_t i = 0; i < n; i++)
		if (((const uint8_t *)bytes)[i] != 0xff)
			return false;
	return true;
}

// The fragment's range as rte_flow's documentation writes it for IPv4.
static bool read_v4(const struct rte_flow_item *item, struct harness_nic_rule *rule) {
	const struct rte_flow_item_ipv4 *spec = item->spec, *mask = item->mask, *last = item->last;
	struct rte_flow_item_ipv4 plain = {.hdr.dst_addr = UINT32_MAX};

	if (mask->hdr.fragment_offset != 0) {
		if (last == NULL || spec->hdr.fragment_offset != RTE_BE16(8)
		    || last->hdr.fragment_offset != RTE_BE16(0x2000)
		    || mask->hdr.fragment_offset != RTE_BE16(0x3fff))
			return false;
		plain.hdr.fragment_offset = RTE_BE16(0x3fff);
		rule->shape = SLB_RULE_FRAGMENT;
	}
	rule->to.family = 4;
	memcpy(rule->to.bytes, &spec->hdr.dst_addr, 4);
	return memcmp(mask, &plain, sizeof(plain)) == 0;
}

static bool read_v6(const struct rte_flow_item *item, struct harness_nic_rule *rule) {
	const struct rte_flow_item_ipv6 *spec = item->spec, *mask = item->mask;
	struct rte_flow_item_ipv6 rest = *mask;

	if (!all_ones(&mask->hdr.dst_addr, 16))
		return false;
	memset(&rest.hdr.dst_addr, 0, 16);
	rule->to.family = 6;
	memcpy(rule->to.bytes, &spec->hdr.dst_addr, 16);
	if (spec->hdr.proto == 44)
		rule->shape = SLB_RULE_FRAGMENT;
	return memcmp(&rest, &(struct rte_flow_item_ipv6){0}, sizeof(rest)) == 0;
}

static bool read_items(const struct rte_flow_item *item, struct harness_nic_rule *rule) {
	bool ok;

	if ((item++)->type != RTE_FLOW_ITEM_TYPE_ETH)
		return false;
	if (item->type == RTE_FLOW_ITEM_TYPE_VLAN) {
		rule->tagged = 1;
		item++;
	}
	rule->shape = SLB_RULE_ANY;
	if (item->type == RTE_FLOW_ITEM_TYPE_IPV4)
		ok = read_v4(item, rule);
	else
		ok = item->type == RTE_FLOW_ITEM_TYPE_IPV6 && read_v6(item, rule);
	item++;
	if (item->type == RTE_FLOW_ITEM_TYPE_TCP || item->type == RTE_FLOW_ITEM_TYPE_UDP) {
		ok = ok && rule->shape == SLB_RULE_ANY && item->spec == NULL;
		rule->shape = item->type == RTE_FLOW_ITEM_TYPE_TCP ? SLB_RULE_TCP : SLB_RULE_UDP;
		item++;
	}
	return ok && item->type == RTE_FLOW_ITEM_TYPE_END;
}

static int model_rule_check(
	uint16_t id, const struct rte_flow_attr *attr, const struct rte_flow_item *items,
	const struct rte_flow_action *action, struct rte_flow_error *error
) {
	const struct harness_nic *nic = &models[id].nic;
	struct harness_nic_rule rule = {0};

	if (nic->rules_max == 0)
		return refuse(error, ENOSYS, "no rules here");
	if (!attr->ingress || attr->egress || attr->transfer || attr->group != 0)
		return refuse(error, EINVAL, "not of the receiving side");
	if (nic->faults & HARNESS_NIC_NO_PRIORITY && attr->priority != 0)
		return refuse(error, EINVAL, "no priorities here");
	if (!read_items(items, &rule))
		return refuse(error, EINVAL, "not by destination alone");
	if (nic->faults & HARNESS_NIC_NO_V6 && rule.to.family == 6)
		return refuse(error, ENOTSUP, "no IPv6 here");
	if (action->type == RTE_FLOW_ACTION_TYPE_COUNT) {
		if (!(nic->faults & HARNESS_NIC_COUNTS))
			return refuse(error, ENOTSUP, "no counters here");
		action++;
	}
	if (action[0].type != RTE_FLOW_ACTION_TYPE_QUEUE
	    || action[1].type != RTE_FLOW_ACTION_TYPE_END)
		return refuse(error, ENOTSUP, "to a queue or not at all");
	if (((const struct rte_flow_action_queue *)action->conf)->index >= models[id].queues)
		return refuse(error, EINVAL, "no such queue");
	return 0;
}

static struct rte_flow *model_rule_add(
	uint16_t id, const struct rte_flow_attr *attr, const struct rte_flow_item *items,
	const struct rte_flow_action *action, struct rte_flow_error *error
) {
	struct model *m = &models[id];
	uint16_t n = (uint16_t)harness_nic_rule_list(id, NULL, 0), place = 0;
	struct harness_nic_rule *rule;

	if (model_rule_check(id, attr, items, action, error) != 0)
		return NULL;
	if (n == m->nic.rules_max || n == HARNESS_NIC_RULES) {
		refuse(error, ENOSPC, "no room");
		return NULL;
	}
	if (n + 1 == m->nic.breaks_at) {
		refuse(error, EIO, "broken");
		return NULL;
	}
	while (place < m->n_rules && m->rules[place].shape != SLB_RULE_NONE)
		place++;
	m->n_rules = RTE_MAX(m->n_rules, place + 1);
	rule = &m->rules[place];
	*rule = (struct harness_nic_rule){0};
	read_items(items, rule);
	if (action->type == RTE_FLOW_ACTION_TYPE_COUNT)
		action++;
	rule->queue = ((const struct rte_flow_action_queue *)action->conf)->index;
	return (struct rte_flow *)(uintptr_t)(place + 1);
}

static int model_rule_remove(uint16_t id, struct rte_flow *handle, struct rte_flow_error *) {
	struct model *m = &models[id];

	if (m->nic.faults & HARNESS_NIC_KEEPS_RULES)
		return -EBUSY;
	m->rules[(uintptr_t)handle - 1].shape = SLB_RULE_NONE;
	while (m->n_rules > 0 && m->rules[m->n_rules - 1].shape == SLB_RULE_NONE)
		m->n_rules--;
	return 0;
}

static int model_rule_query(
	uint16_t id, struct rte_flow *handle, const struct rte_flow_action *, void *data,
	struct rte_flow_error *
) {
	struct rte_flow_query_count *count = data;

	count->hits_set = 1;
	count->hits = models[id].rules[(uintptr_t)handle - 1].hits;
	return 0;
}

static const struct nic_ops NIC_MODEL = {
	.info = model_info,
	.hash_get = model_hash_get,
	.hash_set = model_hash_set,
	.table_get = model_table_get,
	.table_set = model_table_set,
	.rule_check = model_rule_check,
	.rule_add = model_rule_add,
	.rule_remove = model_rule_remove,
	.rule_query = model_rule_query,
};

// ---- what the engine makes of it ----

static struct steer_port port_of(const struct slb_config *config, uint16_t i) {
	const struct model *m = &models[i];

	return (struct steer_port){
		.nic = &NIC_MODEL,
		.dpdk_id = i,
		.number = i,
		.driver = m->nic.driver,
		.n_workers = config->n_workers,
		.n_active = config->n_active != 0 ? config->n_active : config->n_workers,
		.n_queues = RTE_MIN(m->nic.queues, config->n_workers),
		.steering = config->ports[i].steering,
		.distrust_spread = config->ports[i].spread_hash,
		.device_spreads = m->nic.rss_types != 0,
		.tagged = config->ports[i].vlan != 0,
		.rss_types = m->nic.rss_types,
		.laddrs = config->laddrs,
		.n_laddrs = config->n_laddrs,
		.kni = &m->kni,
	};
}

// As the engine does, which stops the device and configures it anew.
static void open_kni_queue(
	struct model *m, const struct steer_port *port, const struct slb_port_config *config
) {
	struct rte_eth_dev_info info;

	model_info(port->dpdk_id, &info);
	kni_queue_choose(&m->kni, config, &info, m->nic.rss_types, port->n_workers);
	m->queues = port->n_queues + (m->kni.queue != KNI_NO_QUEUE);
	if (!kni_queue_open(&m->kni, port, config))
		m->queues = port->n_queues;
}

int harness_nics_open(const struct slb_config *config, struct err *e) {
	int rc = 0;

	for (uint16_t i = 0; rc == 0 && i < config->n_ports; i++) {
		struct model *m = &models[i];
		struct steer_port port = port_of(config, i);
		m->kni = (struct kni_queue){.queue = KNI_NO_QUEUE};
		if (!m->used)
			continue;
		open_kni_queue(m, &port, &config->ports[i]);
		rc = steer_choose(&port, &m->choice, e);
	}
	return rc;
}

const struct rss_port *harness_rss_of(const struct slb_config *config, uint16_t laddr) {
	const struct slb_laddr_config *l = &config->laddrs[laddr];

	return steer_rss(&models[l->port].choice, &l->addr);
}

static const struct rss_port *add_laddr(
	void *, const struct slb_address *addr, uint16_t port, uint16_t worker
) {
	return steer_add(&models[port].choice, addr, worker);
}

static void remove_laddr(void *, const struct slb_address *addr, uint16_t port) {
	steer_remove(&models[port].choice, addr);
}

static bool has_rules(void *, const struct slb_address *addr, uint16_t port) {
	return steer_has_rules(&models[port].choice, addr);
}

struct laddr_steering harness_laddr_steering(void) {
	return (struct laddr_steering){add_laddr, remove_laddr, has_rules, NULL};
}

static int plan_share(
	void *arg, uint16_t port, uint16_t n_was, uint16_t n_active, uint32_t *gained, struct err *e
) {
	const struct steer_port facts = port_of(arg, port);

	if (!models[port].used)
		return 0;
	return share_plan(&facts, &models[port].choice, n_was, n_active, gained, e);
}

static int write_share(void *arg, uint16_t port, struct err *e) {
	const struct steer_port facts = port_of(arg, port);

	return models[port].used ? share_write(&facts, &models[port].choice, e) : 0;
}

static void share_as_before(void *arg, uint16_t port) {
	const struct steer_port facts = port_of(arg, port);

	if (models[port].used)
		share_back(&facts, &models[port].choice);
}

struct port_shares harness_port_shares(struct slb_config *config) {
	return (struct port_shares){plan_share, write_share, share_as_before, config};
}

bool harness_spreads_by_hash(const struct slb_config *config, uint16_t port) {
	return models[port].used ? models[port].choice.spread == SLB_SPREAD_HASH
				 : config->ports[port].spread_hash;
}

bool harness_hands_on(uint16_t port) {
	return models[port].used && steer_hands_on(&models[port].choice);
}

void harness_nics_close(void) {
	for (uint16_t i = 0; i < SLB_MAX_PORTS; i++) {
		steer_close(&models[i].choice);
		models[i].choice = (struct steer_choice){0};
		kni_queue_close(&models[i].kni);
		models[i].n_rules = 0;
	}
}

int harness_steering(uint16_t port, char *text, uint32_t text_len) {
	struct err e = {text, text_len};

	if (port >= SLB_MAX_PORTS || !models[port].used)
		return -ENODEV;
	err_set(&e, 0, "%s", models[port].choice.reason);
	return models[port].choice.method;
}

int harness_nic_faults(uint16_t port, uint32_t faults) {
	if (port >= SLB_MAX_PORTS || !models[port].used)
		return -ENODEV;
	models[port].nic.faults = faults;
	return 0;
}

int harness_stuck_rules(uint16_t port) {
	const struct flow_rules *f = models[port < SLB_MAX_PORTS ? port : 0].choice.rules;

	return f == NULL ? 0 : (int)f->n_stuck;
}

int harness_kni_queue(uint16_t port) {
	if (port >= SLB_MAX_PORTS || !models[port].used)
		return -ENODEV;
	return models[port].kni.queue != KNI_NO_QUEUE ? models[port].kni.queue : -ENOENT;
}

int harness_rule_hits(uint16_t port, uint64_t *out, uint32_t cap) {
	const struct flow_rules *f = models[port < SLB_MAX_PORTS ? port : 0].choice.rules;

	for (uint32_t i = 0; f != NULL && i < f->n && i < cap; i++)
		if (!flow_hits(f, &f->rules[i], &out[i]))
			return -ENOTSUP;
	return f == NULL ? 0 : (int)f->n;
}
