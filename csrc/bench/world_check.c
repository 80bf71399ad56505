// SPDX-License-Identifier: BSD-3-Clause

#include "bench/world.h"

#include "bench/frame.h"
#include "harness/inner.h"

#include <arpa/inet.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <stdlib.h>
#include <string.h>

enum { PORTS = 65536, CLIENTS = 1 << 16 };

// What a reply comes from and goes to, as numbers from 0 on.
struct ends {
	uint32_t rs, laddr;
	uint16_t port;
};

// 0: it is not in the network.
static uint32_t host_of(const uint8_t *v6, uint32_t net) {
	uint32_t is, host;

	memcpy(&is, &v6[4], sizeof(is));
	memcpy(&host, &v6[IP6_BYTES - sizeof(host)], sizeof(host));
	return ntohl(is) == net ? ntohl(host) : 0;
}

static struct ends ends_of(const struct session *s) {
	const struct flow_key *key = &s->key[DIR_OUT];
	const uint8_t *addrs;

	if (!session_is_v6(s, DIR_OUT))
		return (struct ends){
			.rs = ntohl(key->src_be) - BENCH_SERVERS - 1,
			.laddr = ntohl(key->dst_be) - BENCH_LOCALS - 1,
			.port = key->dport_be,
		};
	addrs = (const uint8_t *)session_addrs(s)->addr[DIR_OUT];
	return (struct ends){
		.rs = host_of(addrs, BENCH_SERVERS) - 1,
		.laddr = host_of(&addrs[IP6_BYTES], BENCH_LOCALS) - 1,
		.port = key->dport_be,
	};
}

static uint32_t n_laddrs(void) {
	return (uint32_t)harness_admin()->n_workers * WORLD_LADDRS;
}

// No two sessions have the same replies, and each is between an RS of the service and a local address.
void world_check(const struct core *c) {
	const struct session_table *t = &c->sessions;
	uint32_t laddrs = n_laddrs();
	uint8_t *seen = world_memory((size_t)WORLD_RS * laddrs * PORTS / 8);

	for (uint32_t line = session_at(t, 0); line < t->lines; line = session_at(t, line + 1)) {
		const struct session *s = &t->entries[line];
		struct ends e;
		size_t at;
		if (s->kind[DIR_IN] == 0)
			continue;
		e = ends_of(s);
		if (e.rs >= WORLD_RS || e.laddr >= laddrs)
			world_fail("a session is not between an RS and a local address");
		at = ((size_t)e.rs * laddrs + e.laddr) * PORTS + e.port;
		if (seen[at / 8] & 1u << at % 8)
			world_fail("two sessions have the same replies");
		seen[at / 8] |= (uint8_t)(1u << at % 8);
	}
	free(seen);
}

// What a packet comes from and goes to, as it is said in a packet of IPv4 or IPv6.
static struct ends ends_of_frame(const struct rte_mbuf *m) {
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	const struct rte_ipv4_hdr *ip4 = (const void *)(eth + 1);
	const uint8_t *addrs = (const uint8_t *)(eth + 1) + PKT_ADDRS6_AT;

	if (eth->ether_type == htons(RTE_ETHER_TYPE_IPV4))
		return (struct ends){
			.rs = ntohl(ip4->dst_addr) - BENCH_SERVERS - 1,
			.laddr = ntohl(ip4->src_addr) - BENCH_LOCALS - 1,
			.port = ((const rte_be16_t *)(ip4 + 1))[1],
		};
	return (struct ends){
		.rs = host_of(&addrs[IP6_BYTES], BENCH_SERVERS) - 1,
		.laddr = host_of(addrs, BENCH_LOCALS) - 1,
		.port = ((const rte_be16_t *)(addrs + 2 * IP6_BYTES))[1],
	};
}

static bool goes_to_rs(const struct rte_mbuf *m) {
	struct ends e = ends_of_frame(m);

	return e.rs < WORLD_RS && e.laddr < n_laddrs() && e.port == htons(WORLD_RS_PORT);
}

bool world_is_to_rs(const struct rte_mbuf *m) {
	return frame_is_right(m) && goes_to_rs(m);
}

bool world_is_question(const struct rte_mbuf *m) {
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(
		m, const struct rte_ipv4_hdr *, sizeof(struct rte_ether_hdr)
	);
	const struct rte_tcp_hdr *tcp = (const void *)(ip + 1);
	bool to_client = ip->src_addr == htonl(BENCH_VIP) && tcp->src_port == htons(BENCH_VIP_PORT)
		&& ntohl(ip->dst_addr) - BENCH_CLIENTS - 1 < CLIENTS;

	return frame_is_right(m) && tcp->tcp_flags == RTE_TCP_ACK_FLAG
		&& (to_client || goes_to_rs(m));
}
