// SPDX-License-Identifier: BSD-3-Clause

#include "path/probe.h"

#include "path/core.h"
#include "path/csum.h"
#include "path/ip_header.h"
#include "path/mbuf_edit.h"
#include "path/vlan.h"

#include <rte_ether.h>
#include <rte_tcp.h>
#include <rte_udp.h>
#include <string.h>

enum { PROBE_TTL = 4 }; // a hop there and one back are two; what goes round in circles ends soon

// What is behind the TCP or UDP header. The first word is for who captures it.
struct payload {
	char magic[8];
	uint64_t nonce;
};

static const char MAGIC[8] = {'S', 'L', 'B', 'P', 'R', 'O', 'B', 'E'};

static uint16_t header_len(uint8_t proto) {
	return proto == SLB_PROTO_TCP ? sizeof(struct rte_tcp_hdr) : sizeof(struct rte_udp_hdr);
}

static uint16_t l4_len(const struct probe *probe) {
	return header_len(probe->proto) + (uint16_t)sizeof(struct payload);
}

// Returns where the L4 header goes, and in *pseudo the sum of its pseudo header.
static uint8_t *write_ip(uint8_t *at, const struct probe *probe, uint32_t *pseudo) {
	const struct ip_fields fields = {
		.len = l4_len(probe), .ttl = PROBE_TTL, .proto = probe->proto, .whole = true
	};
	uint8_t addrs[2][IP6_BYTES];

	*pseudo = rte_cpu_to_be_16(fields.len) + rte_cpu_to_be_16(probe->proto);
	if (ipaddr_is_v4(probe->dst)) {
		uint32_t src_be = ipaddr_v4_be(probe->src), dst_be = ipaddr_v4_be(probe->dst);
		ip_header_v4(at, fields, src_be, dst_be);
		*pseudo += csum_sum32(src_be) + csum_sum32(dst_be);
		return at + IP4_HEADER;
	}
	ipaddr_v6_bytes(probe->src, addrs[0]);
	ipaddr_v6_bytes(probe->dst, addrs[1]);
	ip_header_v6(at, fields, addrs[0], addrs[1]);
	*pseudo += csum_sum(addrs, sizeof(addrs));
	return at + IP6_HEADER;
}

static void write_tcp(uint8_t *at, const struct probe *probe, uint32_t sum) {
	struct rte_tcp_hdr tcp = {
		.src_port = probe->sport_be,
		.dst_port = probe->dport_be,
		.data_off = sizeof(tcp) / 4 << 4,
		.tcp_flags = RTE_TCP_ACK_FLAG | RTE_TCP_PSH_FLAG,
	};

	tcp.cksum = csum_apply(0xffff, sum + csum_sum(&tcp, sizeof(tcp)));
	memcpy(at, &tcp, sizeof(tcp));
}

static void write_udp(uint8_t *at, const struct probe *probe, uint32_t sum) {
	struct rte_udp_hdr udp = {
		.src_port = probe->sport_be,
		.dst_port = probe->dport_be,
		.dgram_len = rte_cpu_to_be_16(l4_len(probe)),
	};

	udp.dgram_cksum = csum_apply_udp(0xffff, sum + csum_sum(&udp, sizeof(udp)));
	memcpy(at, &udp, sizeof(udp));
}

static bool write_frame(const struct core *c, struct rte_mbuf *m, const struct probe *probe) {
	bool v4 = ipaddr_is_v4(probe->dst);
	struct payload payload = {.nonce = c->probe_nonce};
	uint32_t len = RTE_ETHER_HDR_LEN + (v4 ? IP4_HEADER : IP6_HEADER) + l4_len(probe);
	struct rte_ether_hdr *eth = (void *)rte_pktmbuf_append(m, (uint16_t)len);
	uint32_t sum;
	uint8_t *l4;

	if (eth == NULL)
		return false;
	memcpy(&eth->dst_addr, probe->dst_mac, sizeof(eth->dst_addr));
	memcpy(&eth->src_addr, probe->src_mac, sizeof(eth->src_addr));
	eth->ether_type = rte_cpu_to_be_16(v4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
	l4 = write_ip((uint8_t *)(eth + 1), probe, &sum);
	memcpy(payload.magic, MAGIC, sizeof(MAGIC));
	sum += csum_sum(&payload, sizeof(payload));
	if (probe->proto == SLB_PROTO_TCP)
		write_tcp(l4, probe, sum);
	else
		write_udp(l4, probe, sum);
	memcpy(l4 + header_len(probe->proto), &payload, sizeof(payload));
	return true;
}

void probe_send(struct core *c, const struct probe *probe) {
	uint16_t vlan_be = c->vlan_be[probe->port];
	struct rte_mbuf *m = extra_spare(&c->extra);

	if (m == NULL) {
		core_count_drop(c, SLB_DROP_NO_MBUF);
		return;
	}
	if (!write_frame(c, m, probe) || (vlan_be != 0 && !vlan_push(m, vlan_be))
	    || !extra_send(&c->extra, m, probe->port))
		mbuf_free(m);
}

static bool is_probe(const struct core *c, const struct pkt *p) {
	const uint8_t *end = rte_pktmbuf_mtod_offset(p->m, uint8_t *, rte_pktmbuf_data_len(p->m));
	const uint8_t *at = (const uint8_t *)p->l4 + header_len(p->proto);
	struct payload payload;

	if (p->flags & PKT_FRAGMENT || rte_be_to_cpu_16(p->key.dport_be) >= LADDR_PORT_FIRST
	    || p->l4_len != header_len(p->proto) + sizeof(payload)
	    || end - at < (ptrdiff_t)sizeof(payload))
		return false;
	memcpy(&payload, at, sizeof(payload));
	return payload.nonce == c->probe_nonce && memcmp(payload.magic, MAGIC, sizeof(MAGIC)) == 0;
}

bool probe_came(struct core *c, const struct pkt *p, uint16_t owner, enum source from) {
	enum slb_probe proto = p->proto == SLB_PROTO_TCP ? SLB_PROBE_TCP : SLB_PROBE_UDP;
	enum probe_seen seen = from == FROM_WORKER ? PROBE_HANDED : PROBE_RIGHT;

	if (likely(!is_probe(c, p)))
		return false;
	if (owner != c->id)
		seen = PROBE_ELSEWHERE;
	c->laddr_use[owner_entry(c->owners, pkt_dst(p))->slot].probes[proto][seen]++;
	return true;
}
