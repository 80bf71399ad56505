// SPDX-License-Identifier: BSD-3-Clause

#include "steer/kni_queue.h"

#include "steer/reta.h"
#include "steer/steer.h"

#include <errno.h>
#include <rte_errno.h>
#include <string.h>

// AllSPFRouters and AllDRouters (RFC 2328, A.1; RFC 5340, A.1).
static const struct slb_address ROUTERS[] = {
	{.bytes = {224, 0, 0, 5}, .family = 4},
	{.bytes = {224, 0, 0, 6}, .family = 4},
	{.bytes = {0xff, 2, [15] = 5}, .family = 6},
	{.bytes = {0xff, 2, [15] = 6}, .family = 6},
};

enum { N_ROUTERS = sizeof(ROUTERS) / sizeof(ROUTERS[0]) };

bool kni_queue_wanted(const struct slb_port_config *config) {
	return config->kni_kind != SLB_KNI_NONE
		&& (config->steering == SLB_STEERING_AUTO || config->steering == SLB_STEERING_FLOW);
}

static bool has_table(const struct rte_eth_dev_info *info) {
	return info->reta_size > 0 && info->reta_size <= RETA_MAX;
}

void kni_queue_choose(
	struct kni_queue *k, const struct slb_port_config *config,
	const struct rte_eth_dev_info *info, uint64_t rss_types, uint16_t n_workers
) {
	struct steer_text why = {k->reason, sizeof(k->reason)};

	*k = (struct kni_queue){.queue = KNI_NO_QUEUE};
	if (!kni_queue_wanted(config))
		return;
	if (rss_types == 0 || !has_table(info))
		steer_say(&why, "the device has no RSS with a redirection table");
	else if (config->max_queues != 0 && config->max_queues <= n_workers)
		steer_say(&why, "`queues` is %u", config->max_queues);
	else if (info->max_rx_queues <= n_workers)
		steer_say(&why, "the device has %u receive queues", info->max_rx_queues);
	else
		k->queue = n_workers;
}

// What the device says afterwards counts, if it says anything.
static bool keep_clients_out(const struct steer_port *port, struct steer_text *why) {
	struct rte_eth_dev_info info;
	struct reta t;
	int rc = port->nic->info(port->dpdk_id, &info);

	if (rc == 0 && !has_table(&info))
		rc = -ENOTSUP;
	if (rc == 0)
		rc = reta_deal(port->nic, port->dpdk_id, port->n_active, info.reta_size);
	if (rc != 0) {
		steer_say(why, "the redirection table cannot be written: %s", rte_strerror(-rc));
		return false;
	}
	if (reta_read(port->nic, port->dpdk_id, &t, info.reta_size) != 0)
		return true;
	for (uint32_t i = 0; i < info.reta_size; i++)
		if (*reta_place(&t, i) >= port->n_workers) {
			steer_say(why, "the redirection table is not as it was written");
			return false;
		}
	return true;
}

bool kni_queue_open(
	struct kni_queue *k, const struct steer_port *port, const struct slb_port_config *config
) {
	struct steer_text why = {k->reason, sizeof(k->reason)};
	struct flow_target list[N_ROUTERS + SLB_MAX_OWN] = {0};
	struct flow_targets targets = {.list = list, .all = true};

	if (k->queue == KNI_NO_QUEUE)
		return true;
	for (uint32_t i = 0; i < N_ROUTERS; i++)
		list[targets.n++] = (struct flow_target){ROUTERS[i], k->queue};
	for (uint32_t i = 0; i < config->n_own; i++)
		list[targets.n++] = (struct flow_target){config->own[i].addr, k->queue};
	if (keep_clients_out(port, &why))
		k->rules = flow_install(port, &targets, &why);
	if (k->rules == NULL)
		k->queue = KNI_NO_QUEUE;
	return k->rules != NULL;
}

void kni_queue_say(const struct kni_queue *k, struct steer_text *to) {
	if (k->reason[0] == '\0')
		return;
	if (k->queue == KNI_NO_QUEUE)
		steer_say(to, "no queue for the KNI core: %s", k->reason);
	else
		steer_say(to, "the KNI core's queue: %s", k->reason);
}

void kni_queue_close(struct kni_queue *k) {
	flow_remove(k->rules);
	*k = (struct kni_queue){.queue = KNI_NO_QUEUE};
}
