// SPDX-License-Identifier: BSD-3-Clause

#include "admin/check_laddrs.h"

#include "admin/build.h"
#include "admin/laddrs.h"
#include "admin/text.h"

#include <errno.h>
#include <rte_memory.h>

int check_laddr(
	const struct admin *a, const struct slb_laddr *laddr, const struct admin_laddr *there,
	struct slb_refused *refused
) {
	struct ipaddr addr = ipaddr_from_address(&laddr->addr);
	char text[ADDRESS_TEXT];

	address_text(&laddr->addr, text);
	if ((laddr->addr.family != 4 && laddr->addr.family != 6) || !ipaddr_is_routable(addr)
	    || ipaddr_is_v4(addr) != (laddr->addr.family == 4))
		return refuse(
			refused, EINVAL, SLB_REFUSED_BAD_ADDRESS,
			"local address %s: not a unicast address that routes can lead to", text
		);
	if (laddr->port >= a->n_ports)
		return refuse(
			refused, EINVAL, SLB_REFUSED_BAD_VALUE, "local address %s: no port %u",
			text, laddr->port
		);
	if (there == NULL)
		return 0;
	if (there->wanted)
		return refuse(
			refused, EINVAL, SLB_REFUSED_BAD_VALUE, "local address %s is there twice",
			text
		);
	if (there->port != laddr->port)
		return refuse(
			refused, EINVAL, SLB_REFUSED_BAD_VALUE,
			"local address %s is another port's; take it away there, and add it when "
			"its last session has ended",
			text
		);
	return 0;
}

static bool is_coming(const struct admin *a, const struct owner_map *map, struct ipaddr addr) {
	const struct owner_entry *e = owner_entry(map, addr);

	return e != NULL && a->laddrs[e->slot].use == LADDR_COMING;
}

static int in_use(
	const struct slb_laddr *laddrs, uint32_t n, struct ipaddr addr, const char *whose,
	struct slb_refused *refused
) {
	struct slb_address bytes = ipaddr_to_address(addr);
	char text[ADDRESS_TEXT];

	for (uint32_t i = 0; i < n; i++)
		if (ipaddr_equal(ipaddr_from_address(&laddrs[i].addr), addr))
			refused->op = i;
	return refuse(
		refused, EINVAL, SLB_REFUSED_ADDRESS_IN_USE, "local address %s: the address is %s",
		address_text(&bytes, text), whose
	);
}

static int find_conflict(
	const struct admin *a, const struct owner_map *map, const struct slb_laddr *laddrs,
	uint32_t n, struct slb_refused *refused
) {
	for (uint32_t i = 0; i < a->n_own; i++) {
		struct ipaddr own = ipaddr_from_address(&a->own[i].addr);
		if (is_coming(a, map, own))
			return in_use(laddrs, n, own, "this host's own", refused);
	}
	for (uint32_t slot = 0; slot < a->vs_max; slot++) {
		const struct admin_vs *vs = a->vs[slot];
		if (vs == NULL)
			continue;
		if (is_coming(a, map, vs->addr))
			return in_use(laddrs, n, vs->addr, "a VS's", refused);
		for (const struct admin_rs *rs = vs->rs; rs != NULL; rs = rs->next)
			if (is_coming(a, map, rs->addr))
				return in_use(laddrs, n, rs->addr, "an RS's", refused);
	}
	return 0;
}

int check_conflicts(
	const struct admin *a, const struct slb_laddr *laddrs, uint32_t n,
	struct slb_refused *refused
) {
	struct owner_map *map = build_owners(a, SOCKET_ID_ANY);
	int rc;

	if (map == NULL)
		return refuse(
			refused, ENOMEM, SLB_REFUSED_NO_MEMORY, "no memory for local addresses"
		);
	rc = find_conflict(a, map, laddrs, n, refused);
	build_free(map);
	return rc;
}

static bool has_rs(const struct admin *a, enum laddr_family family) {
	for (uint32_t slot = 0; slot < a->vs_max; slot++) {
		const struct admin_rs *rs = a->vs[slot] != NULL ? a->vs[slot]->rs : NULL;
		for (; rs != NULL; rs = rs->next)
			if (ipaddr_is_v4(rs->addr) == (family == LADDR_V4))
				return true;
	}
	return false;
}

int check_workers(const struct admin *a, struct slb_refused *refused) {
	bool needed[] = {has_rs(a, LADDR_V4), has_rs(a, LADDR_V6)};

	for (uint16_t w = 0; w < a->n_workers; w++) {
		uint32_t n[] = {laddrs_of_worker(a, w, LADDR_V4), laddrs_of_worker(a, w, LADDR_V6)};
		if (n[LADDR_V4] + n[LADDR_V6] == 0)
			return refuse(
				refused, EINVAL, SLB_REFUSED_NO_LOCAL_ADDRESS,
				"worker %u would be left without a local address; add another one "
				"first",
				w
			);
		for (enum laddr_family f = 0; f < LADDR_FAMILIES; f++)
			if (needed[f] && n[f] == 0)
				return refuse(
					refused, EINVAL, SLB_REFUSED_NO_LOCAL_ADDRESS,
					"worker %u would be left without an IPv%d local address, "
					"and there are IPv%d RS; add another one first",
					w, f == LADDR_V4 ? 4 : 6, f == LADDR_V4 ? 4 : 6
				);
	}
	return 0;
}
