// SPDX-License-Identifier: BSD-3-Clause
// All lengths are checked against what was received, and all headers must lie in the first segment. The L4 header of a first
// fragment is looked at when it is known that it is not the kernel's; a later fragment has none.

#include "path/parse.h"

#include "path/ext_header.h"
#include "path/frag_header.h"
#include "path/note.h"
#include "path/plain.h"
#include "path/session_key.h"
#include "path/vlan.h"

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_ether.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <rte_udp.h>

// What a packet has behind its Ethernet header: in the first segment, and in all.
struct room {
	uint32_t first;
	uint32_t all;
};

// `avail`: bytes of the L4 header and payload that lie in the first segment.
static void l4_short(struct pkt *p, uint32_t needed) {
	pkt_drop(p, p->l4_len < needed ? SLB_DROP_L4_SHORT : SLB_DROP_MULTI_SEGMENT);
}

static void parse_tcp(struct pkt *p, uint32_t avail) {
	const struct rte_tcp_hdr *tcp = p->l4;
	uint16_t header;

	if (avail < sizeof(*tcp)) {
		l4_short(p, sizeof(*tcp));
		return;
	}
	header = (tcp->data_off >> 4) * 4;
	if (header < sizeof(*tcp)) {
		pkt_drop(p, SLB_DROP_L4_SHORT);
		return;
	}
	if (header > avail) {
		l4_short(p, header);
		return;
	}
	p->key.sport_be = tcp->src_port;
	p->key.dport_be = tcp->dst_port;
	p->tcp_flags = tcp->tcp_flags;
}

static void parse_udp(struct pkt *p, uint32_t avail) {
	const struct rte_udp_hdr *udp = p->l4;

	if (avail < sizeof(*udp)) {
		l4_short(p, sizeof(*udp));
		return;
	}
	if (rte_be_to_cpu_16(udp->dgram_len) < sizeof(*udp)
	    || (rte_be_to_cpu_16(udp->dgram_len) > p->l4_len && !(p->flags & PKT_FRAGMENT))) {
		pkt_drop(p, SLB_DROP_L4_SHORT);
		return;
	}
	p->key.sport_be = udp->src_port;
	p->key.dport_be = udp->dst_port;
}

// `avail` as above, before it is bounded by the packet's own length; icmp: the family's own.
static __rte_always_inline void parse_l4(struct pkt *p, uint32_t avail, enum slb_proto icmp) {
	if (avail > p->l4_len)
		avail = p->l4_len;
	if (p->proto == SLB_PROTO_TCP)
		parse_tcp(p, avail);
	else if (p->proto == SLB_PROTO_UDP)
		parse_udp(p, avail);
	else if (p->proto == icmp && avail < sizeof(struct rte_icmp_hdr))
		l4_short(p, sizeof(struct rte_icmp_hdr));
}

// Protocols above 127 are balanced in no family, and would look like KIND_V6.
static void set_kind(struct pkt *p, uint8_t proto, uint8_t family) {
	p->proto = proto;
	p->kind = (proto < KIND_V6 ? proto : 0) | family;
}

static void set_fragment(struct pkt *p) {
	p->flags |= PKT_FRAGMENT | (frag_fields(p).from > 0 ? PKT_LATER : 0);
}

void parse_first(struct pkt *p) {
	const uint8_t *end = rte_pktmbuf_mtod_offset(p->m, uint8_t *, rte_pktmbuf_data_len(p->m));

	parse_l4(
		p, (uint32_t)(end - (const uint8_t *)p->l4),
		pkt_is_v6(p) ? SLB_PROTO_ICMP6 : SLB_PROTO_ICMP
	);
}

static void parse_ipv4(struct pkt *p, void *l3, struct room room) {
	struct rte_ipv4_hdr *ip = l3;
	uint16_t header;

	if (room.first < sizeof(*ip)) {
		pkt_drop(p, SLB_DROP_SHORT);
		return;
	}
	if (ip->version_ihl >> 4 != 4) {
		pkt_drop(p, SLB_DROP_BAD_VERSION);
		return;
	}
	header = (ip->version_ihl & RTE_IPV4_HDR_IHL_MASK) * RTE_IPV4_IHL_MULTIPLIER;
	if (header < sizeof(*ip) || header > room.first) {
		pkt_drop(p, SLB_DROP_BAD_IHL);
		return;
	}
	p->ip_len = rte_be_to_cpu_16(ip->total_length);
	if (p->ip_len < header || p->ip_len > room.all) {
		pkt_drop(p, SLB_DROP_BAD_LENGTH);
		return;
	}
	// Only some devices look, and only they say so.
	if (unlikely(
		    (p->m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_BAD
	    )) {
		pkt_drop(p, SLB_DROP_BAD_CHECKSUM);
		return;
	}
	set_kind(p, ip->next_proto_id, 0);
	p->ip4 = ip;
	p->ttl = ip->time_to_live;
	p->l4 = (uint8_t *)ip + header;
	p->l4_len = p->ip_len - header;
	p->key.src_be = ip->src_addr;
	p->key.dst_be = ip->dst_addr;
	if (rte_be_to_cpu_32(ip->dst_addr) >= 0xe0000000u)
		p->flags |= PKT_MULTICAST;
	if (ip->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK))
		set_fragment(p);
	else
		parse_l4(p, room.first - header, SLB_PROTO_ICMP);
}

static __rte_noinline void parse_ipv6(struct pkt *p, void *l3, struct room room) {
	struct rte_ipv6_hdr *ip = l3;
	struct ext_walk walk;
	uint32_t len;

	if (room.first < sizeof(*ip)) {
		pkt_drop(p, SLB_DROP_SHORT);
		return;
	}
	if (((const uint8_t *)l3)[0] >> 4 != 6) {
		pkt_drop(p, SLB_DROP_BAD_VERSION);
		return;
	}
	len = sizeof(*ip) + rte_be_to_cpu_16(ip->payload_len);
	if (len > room.all || len > UINT16_MAX) {
		pkt_drop(p, SLB_DROP_BAD_LENGTH);
		return;
	}
	walk = ext_walk(
		ip->proto, (const uint8_t *)(ip + 1), RTE_MIN(len, room.first) - sizeof(*ip)
	);
	if (walk.wrong) {
		pkt_drop(p, len > room.first ? SLB_DROP_MULTI_SEGMENT : SLB_DROP_EXT_HEADER);
		return;
	}
	set_kind(p, walk.proto, KIND_V6);
	p->ip6 = ip;
	// They stand for IPv4 addresses in our tables, and must not be on a wire.
	if (unlikely(ipaddr_is_v4(pkt_src(p)) || ipaddr_is_v4(pkt_dst(p)))) {
		pkt_drop(p, ipaddr_is_v4(pkt_src(p)) ? SLB_DROP_BAD_SOURCE : SLB_DROP_NOT_FOR_US);
		return;
	}
	p->ip_len = (uint16_t)len;
	p->ttl = ip->hop_limits;
	p->l4 = (uint8_t *)(ip + 1) + walk.len;
	p->l4_len = (uint16_t)(len - sizeof(*ip) - walk.len);
	if (pkt_addrs6(p)[IP6_BYTES] == 0xff)
		p->flags |= PKT_MULTICAST;
	if (walk.fragment)
		set_fragment(p);
	else
		parse_l4(p, room.first - sizeof(*ip) - walk.len, SLB_PROTO_ICMP6);
}

// False: the frame is not of this port's VLAN. A tag without a VLAN (a priority only) may come anywhere.
static __rte_noinline bool untag(struct pkt *p, uint16_t ether_type, uint16_t vlan_be) {
	const struct rte_vlan_hdr *tag =
		rte_pktmbuf_mtod_offset(p->m, const struct rte_vlan_hdr *, RTE_ETHER_HDR_LEN);
	uint16_t vlan = rte_be_to_cpu_16(vlan_be);

	if (ether_type != rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN))
		return vlan == 0;
	if (rte_pktmbuf_data_len(p->m) < RTE_ETHER_HDR_LEN + sizeof(*tag)
	    || (rte_be_to_cpu_16(tag->vlan_tci) & VLAN_ID_MASK) != vlan)
		return false;
	vlan_pop(p->m);
	return true;
}

void parse_frame(struct pkt *p, uint16_t vlan_be) {
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(p->m, const struct rte_ether_hdr *);
	uint32_t len = rte_pktmbuf_data_len(p->m);
	struct room room;

	if (len < sizeof(*eth)) {
		pkt_drop(p, SLB_DROP_SHORT);
		return;
	}
	if (unlikely(eth->ether_type == rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN) || vlan_be != 0)) {
		if (!untag(p, eth->ether_type, vlan_be)) {
			pkt_drop(p, SLB_DROP_VLAN);
			return;
		}
		eth = rte_pktmbuf_mtod(p->m, const struct rte_ether_hdr *);
	}
	room.first = rte_pktmbuf_data_len(p->m) - sizeof(*eth);
	room.all = rte_pktmbuf_pkt_len(p->m) - sizeof(*eth);
	if (eth->ether_type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4)) {
		parse_ipv4(p, (void *)(uintptr_t)(eth + 1), room);
	} else if (eth->ether_type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV6)) {
		parse_ipv6(p, (void *)(uintptr_t)(eth + 1), room);
	} else {
		bool arp = eth->ether_type == rte_cpu_to_be_16(RTE_ETHER_TYPE_ARP);
		pkt_decide(p, VERDICT_PUNT, arp ? PUNT_ARP : PUNT_OTHER);
	}
}

static void read_note(struct pkt *p) {
	struct note note = note_read(p->m);

	if (note.flags & NOTE_PORTS)
		p->flags |= PKT_PORTS_KNOWN | (note.flags & NOTE_BARE ? PKT_BARE : 0);
	if (note.flags & (NOTE_SEARCH | NOTE_ASKED))
		p->asked = note.asked;
	if (note.flags & NOTE_ASKED)
		p->asker = note.asker;
	p->key.sport_be = note.sport_be;
	p->key.dport_be = note.dport_be;
}

// One that is not plain, or has been looked at before.
static __rte_noinline void parse_other(
	const struct core *c, struct pkt *p, struct rte_mbuf *m, enum source from
) {
	*p = (struct pkt){.m = m};
	if (from != FROM_PORT)
		read_note(p);
	parse_frame(p, c->tagged && from == FROM_PORT ? c->vlan_be[m->port] : 0);
}

void parse(
	const struct core *c, struct burst *b, struct rte_mbuf *const *mbufs, uint16_t n,
	enum source from
) {
	const struct session_index index = session_index(&c->sessions);
	const bool may_be_plain = from == FROM_PORT && !c->tagged;
	bool all_plain = true;
	uint8_t tcp_flags = 0;
	uint16_t n_live = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct pkt *p = &b->pkts[i];
		if (likely(may_be_plain && plain(p, mbufs[i]))) {
			session_hash(&index, p);
		} else {
			parse_other(c, p, mbufs[i], from);
			all_plain = false;
		}
		b->live[n_live] = (uint8_t)i;
		n_live += p->verdict == VERDICT_NONE;
		tcp_flags |= p->tcp_flags;
	}
	b->n = n;
	b->n_live = n_live;
	b->plain = all_plain;
	b->syns = (tcp_flags & RTE_TCP_SYN_FLAG) != 0;
}
