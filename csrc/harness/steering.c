// SPDX-License-Identifier: BSD-3-Clause
// Steering's hashes, to be compared, and what is chosen for a virtual device.

#include "slb_harness_c.h"

#include "base/err.h"
#include "base/toeplitz.h"
#include "engine/engine.h"
#include "harness/inner.h"
#include "path/rss_port.h"

#include <errno.h>
#include <rte_byteorder.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_thash.h>
#include <string.h>

enum { DESCRIPTORS = 64, KEY_LEN = 40 };

uint32_t harness_toeplitz(const uint8_t *key, uint32_t at, const uint8_t *input, uint32_t n) {
	struct toeplitz t;

	toeplitz_init(&t, key);
	return toeplitz_part(&t, at, input, n);
}

uint32_t harness_softrss(const uint8_t *key, const uint8_t *input, uint32_t n) {
	uint32_t words[TOEPLITZ_INPUT / 4];

	for (uint32_t i = 0; i < n / 4; i++) {
		memcpy(&words[i], input + 4 * i, 4);
		words[i] = rte_be_to_cpu_32(words[i]);
	}
	return rte_softrss(words, n / 4, key);
}

static int start_device(uint16_t id, uint16_t n_queues, uint64_t *types) {
	struct rte_eth_conf conf = {0};
	struct rte_eth_dev_info info;
	int rc = rte_eth_dev_info_get(id, &info);

	if (rc != 0)
		return rc;
	if (info.reta_size > 0)
		*types = info.flow_type_rss_offloads
			& (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);
	conf.rx_adv_conf.rss_conf.rss_hf = *types;
	conf.rxmode.mq_mode = *types != 0 ? RTE_ETH_MQ_RX_RSS : RTE_ETH_MQ_RX_NONE;
	rc = rte_eth_dev_configure(id, n_queues, n_queues, &conf);
	for (uint16_t q = 0; rc == 0 && q < n_queues; q++) {
		rc = rte_eth_rx_queue_setup(id, q, DESCRIPTORS, 0, NULL, harness_pool());
		if (rc == 0)
			rc = rte_eth_tx_queue_setup(id, q, DESCRIPTORS, 0, NULL);
	}
	return rc == 0 ? rte_eth_dev_start(id) : rc;
}

// What the device has, read by other means than those that steer.
static void read_device(uint16_t id, struct harness_nic *out) {
	struct rte_eth_rss_conf conf = {.rss_key = out->key, .rss_key_len = KEY_LEN};
	struct rte_eth_rss_reta_entry64 reta[RSS_TABLE_MAX / RTE_ETH_RETA_GROUP_SIZE];
	struct rte_eth_dev_info info;

	*out = (struct harness_nic){0};
	memset(reta, 0xff, sizeof(reta));
	if (rte_eth_dev_info_get(id, &info) != 0 || info.reta_size == 0
	    || rte_eth_dev_rss_hash_conf_get(id, &conf) != 0
	    || rte_eth_dev_rss_reta_query(id, reta, info.reta_size) != 0)
		return;
	out->key_len = KEY_LEN;
	out->table_len = info.reta_size;
	for (uint16_t i = 0; i < info.reta_size; i++)
		out->table[i] = (uint8_t)reta[i / RTE_ETH_RETA_GROUP_SIZE]
					.reta[i % RTE_ETH_RETA_GROUP_SIZE];
}

int harness_steer(
	const char *device, uint16_t n_queues, uint16_t n_workers, uint8_t steering,
	struct harness_nic *out, char *text, uint32_t text_len
) {
	const struct slb_laddr_config laddrs[] = {
		{.addr = {{198, 18, 0, 1}, .family = 4}, .worker = 0},
		{.addr = {{0x20, 1, 0xd, 0xb8, [15] = 1}, .family = 6}, .worker = 0},
	};
	struct steer_port port = {
		.nic = &nic_dpdk,
		.driver = "",
		.n_workers = n_workers,
		.n_active = n_workers,
		.n_queues = n_queues,
		.steering = steering,
		.laddrs = laddrs,
		.n_laddrs = 2,
	};
	struct err e = {text, text_len};
	struct steer_choice choice = {0};
	int rc = rte_eal_hotplug_add("vdev", device, "");

	if (rc == 0)
		rc = rte_eth_dev_get_port_by_name(device, &port.dpdk_id);
	if (rc != 0)
		return rc;
	rc = start_device(port.dpdk_id, n_queues, &port.rss_types);
	if (rc == 0)
		rc = steer_choose(&port, &choice, &e);
	if (rc == 0) {
		err_set(&e, 0, "%s", choice.reason);
		rc = choice.method;
		read_device(port.dpdk_id, out);
	}
	steer_close(&choice);
	rte_eth_dev_stop(port.dpdk_id);
	rte_eth_dev_close(port.dpdk_id);
	rte_eal_hotplug_remove("vdev", device);
	return rc;
}
