// SPDX-License-Identifier: BSD-3-Clause

#include "bench/frame.h"

#include <arpa/inet.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_udp.h>
#include <string.h>

enum { PAYLOAD = 18, PAYLOAD6 = 4, TTL = 64, PORTS_A_CLIENT = 50000, FIRST_PORT = 10000 };

// What the checksum of a datagram comes to with its own in place; DPDK's functions say all ones for zero, but not of a segment.
enum { RIGHT = 0xffff, RIGHT_TCP = 0 };

void *frame_begin(struct rte_mbuf *m, uint16_t type, uint16_t len) {
	struct rte_ether_hdr *eth;

	rte_pktmbuf_reset(m);
	m->port = 0;
	m->data_len = (uint16_t)(sizeof(*eth) + len);
	m->pkt_len = m->data_len;
	eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	memcpy(eth, (uint8_t[]){2, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2}, 12);
	eth->ether_type = htons(type);
	return eth + 1;
}

static uint16_t write_udp(struct rte_udp_hdr *udp, const struct flow_key *key, uint16_t payload) {
	*udp = (struct rte_udp_hdr){
		.src_port = key->sport_be,
		.dst_port = key->dport_be,
		.dgram_len = htons((uint16_t)(sizeof(*udp) + payload)),
	};
	memset(udp + 1, 0, payload);
	return udp->dgram_len;
}

void frame_ipv4(struct rte_ipv4_hdr *ip, uint16_t len, uint8_t proto, const struct flow_key *key) {
	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = htons(len),
		.time_to_live = TTL,
		.next_proto_id = proto,
		.src_addr = key->src_be,
		.dst_addr = key->dst_be,
	};
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}

static void write_v4(struct rte_mbuf *m, const struct frame_key *k) {
	const uint16_t len = sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_udp_hdr) + PAYLOAD;
	struct rte_ipv4_hdr *ip = frame_begin(m, RTE_ETHER_TYPE_IPV4, len);
	struct rte_udp_hdr *udp = (void *)(ip + 1);

	frame_ipv4(ip, len, SLB_PROTO_UDP, &k->key);
	write_udp(udp, &k->key, PAYLOAD);
	udp->dgram_cksum = rte_ipv4_udptcp_cksum(ip, udp);
}

static void write_v6(struct rte_mbuf *m, const struct frame_key *k) {
	const uint16_t len = sizeof(struct rte_ipv6_hdr) + sizeof(struct rte_udp_hdr) + PAYLOAD6;
	struct rte_ipv6_hdr *ip = frame_begin(m, RTE_ETHER_TYPE_IPV6, len);
	struct rte_udp_hdr *udp = (void *)(ip + 1);

	*ip = (struct rte_ipv6_hdr){
		.vtc_flow = htonl(6u << 28),
		.proto = SLB_PROTO_UDP,
		.hop_limits = TTL,
	};
	memcpy((uint8_t *)ip + PKT_ADDRS6_AT, k->addrs6, sizeof(k->addrs6));
	ip->payload_len = write_udp(udp, &k->key, PAYLOAD6);
	udp->dgram_cksum = rte_ipv6_udptcp_cksum(ip, udp);
}

void frame_write(struct rte_mbuf *m, const struct frame_key *k) {
	if (k->kind & KIND_V6)
		write_v6(m, k);
	else
		write_v4(m, k);
}

static void put_v6(uint8_t *at, uint32_t net, uint32_t host) {
	net = htonl(net);
	host = htonl(host);
	memcpy(at, (uint8_t[IP6_BYTES]){0x20, 0x01, 0x0d, 0xb8}, IP6_BYTES);
	memcpy(&at[4], &net, sizeof(net));
	memcpy(&at[12], &host, sizeof(host));
}

struct frame_key frame_of_client(uint32_t n, bool v6) {
	uint32_t client = n / PORTS_A_CLIENT;
	struct frame_key k = {
		.key = {.sport_be = htons((uint16_t)(FIRST_PORT + n % PORTS_A_CLIENT)),
			.dport_be = htons(BENCH_VIP_PORT)},
		.kind = SLB_PROTO_UDP | (v6 ? KIND_V6 : 0),
	};

	if (v6) {
		put_v6(k.addrs6, BENCH_CLIENTS, client + 1);
		put_v6(&k.addrs6[IP6_BYTES], BENCH_VIP, 0);
	} else {
		k.key.src_be = htonl(BENCH_CLIENTS + client + 1);
		k.key.dst_be = htonl(BENCH_VIP);
	}
	return k;
}

struct flow_key flow_turned(const struct flow_key *key) {
	return (struct flow_key){
		.src_be = key->dst_be,
		.dst_be = key->src_be,
		.sport_be = key->dport_be,
		.dport_be = key->sport_be,
	};
}

struct frame_key frame_turned(const struct frame_key *k) {
	struct frame_key turned = *k;

	turned.key = flow_turned(&k->key);
	memcpy(turned.addrs6, &k->addrs6[IP6_BYTES], IP6_BYTES);
	memcpy(&turned.addrs6[IP6_BYTES], k->addrs6, IP6_BYTES);
	return turned;
}

void frame_first(struct rte_mbuf *m, uint32_t n, bool v6) {
	struct frame_key k = frame_of_client(n, v6);

	frame_write(m, &k);
}

static bool is_v6(const struct rte_mbuf *m) {
	return rte_pktmbuf_mtod(m, const struct rte_ether_hdr *)->ether_type
		== htons(RTE_ETHER_TYPE_IPV6);
}

static const void *packet_of(const struct rte_mbuf *m) {
	return rte_pktmbuf_mtod(m, const struct rte_ether_hdr *) + 1;
}

bool frame_has_ends(const struct rte_mbuf *m, const struct frame_key *k) {
	const struct rte_ipv4_hdr *ip4 = packet_of(m);
	const struct rte_ipv6_hdr *ip6 = packet_of(m);
	bool v6 = is_v6(m);
	// Of TCP the ports stand in the same place.
	const struct rte_udp_hdr *udp = v6 ? (const void *)(ip6 + 1) : (const void *)(ip4 + 1);

	if (v6 != ((k->kind & KIND_V6) != 0) || udp->src_port != k->key.sport_be
	    || udp->dst_port != k->key.dport_be)
		return false;
	if (v6)
		return memcmp((const uint8_t *)ip6 + PKT_ADDRS6_AT, k->addrs6, sizeof(k->addrs6))
			== 0;
	return ip4->src_addr == k->key.src_be && ip4->dst_addr == k->key.dst_be;
}

uint8_t frame_proto(const struct rte_mbuf *m) {
	const struct rte_ipv4_hdr *ip4 = packet_of(m);
	const struct rte_ipv6_hdr *ip6 = packet_of(m);

	return is_v6(m) ? ip6->proto : ip4->next_proto_id;
}

bool frame_is_right(const struct rte_mbuf *m) {
	const struct rte_ipv4_hdr *ip4 = packet_of(m);
	const struct rte_ipv6_hdr *ip6 = packet_of(m);
	uint16_t right = frame_proto(m) == SLB_PROTO_UDP ? RIGHT : RIGHT_TCP;

	if (is_v6(m))
		return rte_ipv6_udptcp_cksum(ip6, ip6 + 1) == right;
	return rte_ipv4_cksum(ip4) == 0 && rte_ipv4_udptcp_cksum(ip4, ip4 + 1) == right;
}

bool frame_is(const struct rte_mbuf *m, const struct frame_key *k) {
	return frame_has_ends(m, k) && frame_is_right(m);
}
