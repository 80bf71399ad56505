// SPDX-License-Identifier: BSD-3-Clause
// What can be wrong with a configuration before anything is started.

#include "base/clock.h"
#include "engine/engine.h"
#include "path/session.h"

#include <errno.h>
#include <string.h>

enum { MAX_VLAN = 4094 };

static bool terminated(const char *text, size_t size) {
	return memchr(text, '\0', size) != NULL;
}

static bool own_is_right(const struct slb_own_config *own) {
	return (own->addr.family == 4 && own->len <= 32)
		|| (own->addr.family == 6 && own->len <= 128);
}

static int check_bond(const struct slb_port_config *p, struct err *e) {
	const struct slb_bond_config *b = &p->bond;

	if (b->mode == SLB_BOND_NONE && b->n_members == 0)
		return 0;
	if (b->mode == SLB_BOND_NONE || b->mode >= SLB_BOND_COUNT || b->n_members < 2
	    || b->n_members > SLB_MAX_MEMBERS || b->policy >= SLB_BOND_POLICY_COUNT
	    || (b->primary != SLB_BOND_NO_PRIMARY && b->primary >= b->n_members))
		return err_set(
			e, EINVAL, "port %s: a bond of %u members, mode %u, policy %u, primary %u",
			p->name, b->n_members, b->mode, b->policy, b->primary
		);
	for (uint16_t i = 0; i < b->n_members; i++)
		if (!terminated(b->members[i], SLB_DEVICE_LEN) || b->members[i][0] == '\0')
			return err_set(
				e, EINVAL, "port %s: member %u's device empty or too long", p->name,
				i
			);
	return 0;
}

static int check_port(const struct slb_config *config, uint16_t i, struct err *e) {
	const struct slb_port_config *p = &config->ports[i];

	if (!terminated(p->name, sizeof(p->name)) || p->name[0] == '\0'
	    || !terminated(p->device, sizeof(p->device))
	    || (p->device[0] == '\0') != (p->bond.mode != SLB_BOND_NONE)
	    || !terminated(p->kni_name, sizeof(p->kni_name)))
		return err_set(
			e, EINVAL, "port %u: name, device or interface name empty or too long", i
		);
	if (p->mtu < 576 || p->mtu > 9600)
		return err_set(
			e, EINVAL, "port %s: MTU %u is not in 576 ... 9600", p->name, p->mtu
		);
	if (p->vlan > MAX_VLAN)
		return err_set(
			e, EINVAL, "port %s: VLAN %u is not in 0 ... %d", p->name, p->vlan, MAX_VLAN
		);
	if (p->rx_desc < 32 || p->tx_desc < 32)
		return err_set(e, EINVAL, "port %s: at least 32 descriptors", p->name);
	if (p->n_own > SLB_MAX_OWN)
		return err_set(
			e, EINVAL, "port %s: more than %d own addresses", p->name, SLB_MAX_OWN
		);
	for (uint16_t own = 0; own < p->n_own; own++)
		if (!own_is_right(&p->own[own]))
			return err_set(e, EINVAL, "port %s: own address %u is none", p->name, own);
	if (p->steering > SLB_STEERING_SOFT)
		return err_set(e, EINVAL, "port %s: no steering method %u", p->name, p->steering);
	if (p->kni_kind > SLB_KNI_VHOST || (p->kni_kind != SLB_KNI_NONE && p->kni_name[0] == '\0'))
		return err_set(
			e, EINVAL, "port %s: kernel interface without a kind or a name", p->name
		);
	return check_bond(p, e);
}

static bool is_taken(const struct slb_config *config, uint16_t laddr) {
	struct ipaddr addr = ipaddr_from_address(&config->laddrs[laddr].addr);

	for (uint16_t i = 0; i < laddr; i++)
		if (ipaddr_equal(ipaddr_from_address(&config->laddrs[i].addr), addr))
			return true;
	return false;
}

static int check_laddrs(const struct slb_config *config, struct err *e) {
	uint32_t held[SLB_MAX_WORKERS] = {0};
	bool shared = false; // one that all workers have

	for (uint16_t i = 0; i < config->n_laddrs; i++) {
		const struct slb_laddr_config *l = &config->laddrs[i];
		struct ipaddr addr = ipaddr_from_address(&l->addr);
		if ((l->addr.family != 4 && l->addr.family != 6) || !ipaddr_is_routable(addr)
		    || ipaddr_is_v4(addr) != (l->addr.family == 4) || l->worker >= config->n_workers
		    || l->port >= config->n_ports)
			return err_set(
				e, EINVAL,
				"local address %u: no unicast address, or of no such worker or "
				"port",
				i
			);
		// Replies to it would all be handed to one of the two workers.
		if (is_taken(config, i))
			return err_set(e, EINVAL, "local address %u is an earlier one again", i);
		held[l->worker]++;
		shared |= config->ports[l->port].steering == SLB_STEERING_RSS_PORT;
	}
	for (uint16_t w = 0; w < config->n_workers; w++)
		if (held[w] == 0 && !shared)
			return err_set(
				e, EINVAL,
				"%u workers but %u local addresses: every worker needs one",
				config->n_workers, config->n_laddrs
			);
	return 0;
}

static int check_idle(const struct slb_config *config, struct err *e) {
	for (uint16_t w = 0; w < config->n_workers; w++)
		if (config->worker_idle[w] > SLB_IDLE_ADAPTIVE)
			return err_set(
				e, EINVAL, "worker %u: no idle policy %u", w, config->worker_idle[w]
			);
	if (config->admin_idle > SLB_IDLE_ADAPTIVE || config->kni_idle > SLB_IDLE_ADAPTIVE)
		return err_set(e, EINVAL, "admin or KNI core: no such idle policy");
	return 0;
}

static int check_timeouts(const struct slb_config *config, struct err *e) {
	for (int state = 0; state < SLB_STATE_COUNT; state++)
		if (config->timeout_s[state] > CLOCK_MAX_S)
			return err_set(
				e, EINVAL, "timeout of %u s: at most %d", config->timeout_s[state],
				CLOCK_MAX_S
			);
	return 0;
}

static int check_sizes(const struct slb_config *config, struct err *e) {
	if (config->sessions < 64 || config->sessions > SESSION_NIL - 65536)
		return err_set(
			e, EINVAL, "sessions per worker: %u is not in 64 ... 1e9", config->sessions
		);
	if (config->sessions + 2 * (uint64_t)config->sessions6 > SESSION_NIL - 65536)
		return err_set(
			e, EINVAL, "IPv6 sessions per worker: %u are too many", config->sessions6
		);
	if (config->vs_max == 0 || config->vs_max >= UINT16_MAX)
		return err_set(e, EINVAL, "vs_max: %u is not in 1 ... 65534", config->vs_max);
	if (config->rs_max == 0 || config->rs_max > 1u << 20)
		return err_set(e, EINVAL, "rs_max: %u is not in 1 ... 1048576", config->rs_max);
	if (config->frag_datagrams > 1u << 20 || config->frag_held > UINT16_MAX)
		return err_set(
			e, EINVAL, "fragments: at most %u datagrams and %u held", 1u << 20,
			UINT16_MAX
		);
	if (config->mbufs < 1024)
		return err_set(e, EINVAL, "mbufs: %u, at least 1024", config->mbufs);
	return 0;
}

int config_check(const struct slb_config *config, struct err *e) {
	int rc = 0;

	if (config->abi_version != SLB_ABI_VERSION)
		return err_set(
			e, EPROTO,
			"configuration of ABI %u, engine of ABI %u: reinstall the package",
			config->abi_version, SLB_ABI_VERSION
		);
	if (config->n_workers == 0 || config->n_workers > SLB_MAX_WORKERS)
		return err_set(
			e, EINVAL, "%u workers: 1 ... %d", config->n_workers, SLB_MAX_WORKERS
		);
	if (config->n_active > config->n_workers)
		return err_set(
			e, EINVAL, "%u workers get clients, of %u", config->n_active,
			config->n_workers
		);
	if (config->n_ports == 0 || config->n_ports > SLB_MAX_PORTS)
		return err_set(e, EINVAL, "%u ports: 1 ... %d", config->n_ports, SLB_MAX_PORTS);
	if (config->n_laddrs > SLB_MAX_LADDRS)
		return err_set(e, EINVAL, "more than %d local addresses", SLB_MAX_LADDRS);
	if (!terminated(config->file_prefix, sizeof(config->file_prefix)))
		return err_set(e, EINVAL, "file prefix too long");
	if (config->shared_memory && !config->use_hugepages)
		return err_set(e, EINVAL, "shared memory needs hugepages");
	for (uint16_t i = 0; rc == 0 && i < config->n_ports; i++)
		rc = check_port(config, i, e);
	if (rc == 0)
		rc = check_idle(config, e);
	if (rc == 0)
		rc = check_sizes(config, e);
	if (rc == 0)
		rc = check_timeouts(config, e);
	return rc == 0 ? check_laddrs(config, e) : rc;
}
