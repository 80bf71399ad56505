// SPDX-License-Identifier: BSD-3-Clause

#include "steer/share.h"

#include "base/deal.h"
#include "steer/steer.h"

#include <errno.h>
#include <rte_errno.h>
#include <string.h>

static uint16_t table_len(const struct steer_port *port) {
	struct rte_eth_dev_info info;

	if (port->rss_types == 0 || port->nic->info(port->dpdk_id, &info) != 0)
		return 0;
	return info.reta_size <= RETA_MAX ? info.reta_size : 0;
}

static int read_places(const struct steer_port *port, uint8_t *places, uint16_t len) {
	struct reta t;
	int rc = reta_read(port->nic, port->dpdk_id, &t, len);

	for (uint32_t i = 0; rc == 0 && i < len; i++) {
		uint16_t queue = *reta_place(&t, i);
		places[i] = queue < port->n_workers ? (uint8_t)queue : DEAL_NOBODY;
	}
	return rc;
}

// What cannot be read back is believed.
static int write_places(const struct steer_port *port, const uint8_t *places, uint16_t len) {
	uint8_t seen[RETA_MAX];
	int rc = reta_write(port->nic, port->dpdk_id, places, len);

	if (rc != 0 || read_places(port, seen, len) != 0)
		return rc;
	return memcmp(seen, places, len) == 0 ? 0 : -EIO;
}

bool share_start(const struct steer_port *port) {
	uint16_t len = table_len(port);
	uint8_t places[RETA_MAX];

	if (len < port->n_active)
		return false;
	memset(places, DEAL_NOBODY, sizeof(places));
	deal_places(places, len, port->n_active);
	return write_places(port, places, len) == 0;
}

// What came to an idle worker went to any that was not.
static void gain_of_idle(uint16_t n_was, uint16_t n_active, uint32_t *gained) {
	uint32_t all = (uint32_t)((UINT64_C(1) << n_was) - 1);

	for (uint16_t w = n_was; w < n_active; w++)
		gained[w] |= all;
}

int share_plan(
	const struct steer_port *port, struct steer_choice *choice, uint16_t n_was,
	uint16_t n_active, uint32_t *gained, struct err *e
) {
	struct share_table *t = &choice->share;
	uint16_t len = table_len(port);
	int rc;

	t->len = 0;
	if (choice->spread == SLB_SPREAD_HASH)
		return 0;
	if (steer_hands_on(choice)) {
		gain_of_idle(n_was, n_active, gained);
		return 0;
	}
	if (len < n_active)
		return err_set(
			e, ENOTSUP,
			"its device spreads clients and cannot be told over which workers; set its "
			"spread to hash and restart slbd"
		);
	rc = read_places(port, t->was, len);
	if (rc != 0)
		return err_set(
			e, ENOTSUP,
			"its device's redirection table cannot be read (%s); set its spread to "
			"hash and restart slbd",
			rte_strerror(-rc)
		);
	memcpy(t->will, t->was, len);
	deal_places(t->will, len, n_active);
	for (uint32_t i = 0; i < len; i++)
		if (t->will[i] != t->was[i] && t->was[i] != DEAL_NOBODY)
			gained[t->will[i]] |= UINT32_C(1) << t->was[i];
	t->len = len;
	return 0;
}

int share_write(const struct steer_port *port, struct steer_choice *choice, struct err *e) {
	struct share_table *t = &choice->share;
	int rc = t->len > 0 ? write_places(port, t->will, t->len) : 0;

	if (rc == 0)
		return 0;
	share_back(port, choice);
	return err_set(
		e, -rc,
		"its device's redirection table %s (%s); set its spread to hash and restart slbd",
		rc == -EIO ? "is not as it was written" : "cannot be written", rte_strerror(-rc)
	);
}

void share_back(const struct steer_port *port, struct steer_choice *choice) {
	if (choice->share.len > 0)
		reta_write(port->nic, port->dpdk_id, choice->share.was, choice->share.len);
}
