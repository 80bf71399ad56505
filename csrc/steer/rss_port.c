// SPDX-License-Identifier: BSD-3-Clause
// Local ports chosen by the device's RSS hash (path/rss_port.h). Needs of the device that it hashes TCP and UDP by their ports
// and tells its key and redirection table, or takes ours.

#include "path/rss_port.h"

#include "steer/reta.h"
#include "steer/steer.h"

#include <errno.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_random.h>
#include <rte_version.h>
#include <string.h>

enum { OWN_KEYS = 8, DEFAULT_KEY_LEN = 40 };

#define BY_PORTS4 (RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP)
#define BY_PORTS6 (RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_NONFRAG_IPV6_UDP)

static int no_way(struct err *e, const char *what, int rc) {
	return err_set(
		e, ENOTSUP, "the device's %s can be neither read nor written: %s", what,
		rte_strerror(-rc)
	);
}

static int check_types(uint64_t types, struct rss_facts *f, struct err *e) {
	for (enum rss_family family = 0; family < RSS_FAMILIES; family++) {
		uint64_t needed = family == RSS_V4 ? BY_PORTS4 : BY_PORTS6;
		f->able[family] = (types & needed) == needed;
		if (f->wanted[family] && !f->able[family])
			return err_set(
				e, EPROTONOSUPPORT,
				"the device does not hash IPv%d's TCP and UDP by their ports",
				family == RSS_V4 ? 4 : 6
			);
	}
	return 0;
}

static int read_hash(const struct steer_port *port, struct rss_facts *f, struct err *e) {
	struct rte_eth_rss_conf conf = {.rss_key = f->key, .rss_key_len = (uint8_t)f->key_len};
	int rc = port->nic->hash_get(port->dpdk_id, &conf);

	if (rc != 0)
		return no_way(e, "RSS key", rc);
#if RTE_VERSION >= RTE_VERSION_NUM(23, 11, 0, 0)
	if (conf.algorithm != RTE_ETH_HASH_FUNCTION_DEFAULT
	    && conf.algorithm != RTE_ETH_HASH_FUNCTION_TOEPLITZ)
		return err_set(e, EPROTONOSUPPORT, "the device's RSS hash is not Toeplitz's");
#endif
	return check_types(conf.rss_hf, f, e);
}

static int read_table(const struct steer_port *port, struct rss_facts *f, struct err *e) {
	struct reta t;
	int rc = reta_read(port->nic, port->dpdk_id, &t, (uint16_t)f->table_len);

	if (rc != 0)
		return no_way(e, "redirection table", rc);
	for (uint32_t i = 0; i < f->table_len; i++) {
		uint16_t queue = *reta_place(&t, i);
		f->worker[i] = queue < UINT8_MAX ? (uint8_t)queue : UINT8_MAX;
	}
	return 0;
}

// A key that nobody outside knows, so that nobody can choose flows that meet.
static int write_hash(const struct steer_port *port, struct rss_facts *f) {
	struct rte_eth_rss_conf conf = {
		.rss_key = f->key, .rss_key_len = (uint8_t)f->key_len, .rss_hf = port->rss_types
	};

	for (uint32_t i = 0; i < f->key_len; i++)
		f->key[i] = (uint8_t)rte_rand();
	return port->nic->hash_set(port->dpdk_id, &conf);
}

static int write_table(const struct steer_port *port, struct rss_facts *f) {
	for (uint32_t i = 0; i < f->table_len; i++)
		f->worker[i] = (uint8_t)(i % port->n_workers);
	return reta_deal(port->nic, port->dpdk_id, port->n_workers, (uint16_t)f->table_len);
}

// As the device has them.
static int use_its(
	const struct steer_port *port, struct rss_facts *f, struct rss_port *rss, struct err *e
) {
	int rc = read_hash(port, f, e);

	if (rc == 0)
		rc = read_table(port, f, e);
	return rc == 0 ? rss_port_init(rss, f, e) : rc;
}

// Written by us, what of it the device takes; what can be read back is as the device says.
static int use_ours(
	const struct steer_port *port, struct rss_facts *f, struct rss_port *rss, struct err *e
) {
	bool key = write_hash(port, f) == 0, table = write_table(port, f) == 0;
	int rc;

	if (!key && !table)
		return -ENOTSUP; // and what was said before is why
	rc = read_hash(port, f, e);
	if (rc != 0 && (!key || rc == -EPROTONOSUPPORT))
		return rc;
	rc = read_table(port, f, e);
	if (rc != 0 && !table)
		return rc;
	return rss_port_init(rss, f, e);
}

static int find_facts(
	const struct steer_port *port, const struct flow_rules *rules, struct rss_facts *f,
	struct err *e
) {
	struct rte_eth_dev_info info;

	if (port->rss_types == 0 || port->nic->info(port->dpdk_id, &info) != 0
	    || info.reta_size == 0)
		return err_set(e, ENOTSUP, "the device has no RSS with a redirection table");
	f->n_workers = port->n_workers;
	for (uint16_t i = 0; i < port->n_laddrs; i++)
		if (steer_has(port, i)
		    && (rules == NULL || !flow_has(rules, &port->laddrs[i].addr)))
			f->wanted[port->laddrs[i].addr.family == 6 ? RSS_V6 : RSS_V4] = true;
	f->table_len = info.reta_size;
	f->key_len = info.hash_key_size != 0 ? info.hash_key_size : DEFAULT_KEY_LEN;
	if (f->table_len > RSS_TABLE_MAX || f->key_len > RSS_KEY_MAX)
		return err_set(
			e, ENOTSUP, "the device's RSS has %u table entries and %u bytes of key",
			f->table_len, f->key_len
		);
	return check_types(port->rss_types, f, e);
}

struct rss_port *rss_port_find(
	const struct steer_port *port, const struct flow_rules *rules, struct steer_text *why
) {
	char text[SLB_TEXT_LEN] = "";
	struct err e = {text, sizeof(text)};
	struct rss_port *rss = rte_malloc("rss_port", sizeof(*rss), 64);
	struct rss_facts f = {0};
	const char *whose = "the device's own";
	int rc = rss == NULL ? err_set(&e, ENOMEM, "no memory") : find_facts(port, rules, &f, &e);

	if (rc == 0) {
		rc = use_its(port, &f, rss, &e);
		for (uint32_t i = 0; rc == -ENOTSUP && i < OWN_KEYS; i++) {
			rc = use_ours(port, &f, rss, &e);
			whose = "written";
		}
	}
	if (rc == 0) {
		steer_say(why, "local ports by %u entries of RSS, %s", f.table_len, whose);
		return rss;
	}
	steer_say(why, "%s", text);
	rte_free(rss);
	return NULL;
}
