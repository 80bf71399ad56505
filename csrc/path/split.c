// SPDX-License-Identifier: BSD-3-Clause
// The packet itself becomes its first piece; the others are copies in buffers of the worker's reserve. An IPv4 header checksum
// that was wrong stays wrong by as much, in every piece.

#include "path/split.h"

#include "path/csum.h"
#include "path/frag_header.h"
#include "path/fragment.h"
#include "path/mbuf_edit.h"
#include "path/translate.h"
#include "path/vlan.h"

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <string.h>

enum { OPTION_END = 0, OPTION_NOP = 1, OPTION_COPIED = 0x80, HEADER_MAX = 60, EIGHT = 8 };

struct cut {
	struct frag_fields fields; // of the packet
	uint32_t first; // bytes of data in the first piece
	uint32_t room; // and in each of the others
	uint32_t header_len; // of these
	uint8_t header[HEADER_MAX];
};

// Of the packet as it will leave.
bool split_is_allowed(const struct pkt *p) {
	const struct session *s = p->session;

	if (p->proto != SLB_PROTO_TCP && p->proto != SLB_PROTO_UDP)
		return false;
	if (!pkt_is_v6(p))
		return (p->ip4->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG)) == 0;
	return s->kind[DIR_IN] != s->kind[DIR_OUT]
		&& (p->flags & PKT_FRAGMENT || !translated_stays_whole(translated_len(p)));
}

static uint32_t header_len(const struct pkt *p) {
	return (uint32_t)((const uint8_t *)p->l4 - (const uint8_t *)p->ip4);
}

// Options that have the copied flag, filled up to whole words; returns their length.
static uint32_t copied_options(const uint8_t *from, uint32_t options, uint8_t *to) {
	uint32_t n = 0;

	for (uint32_t i = 0, len; i < options && from[i] != OPTION_END; i += len) {
		len = 1;
		if (from[i] == OPTION_NOP)
			continue;
		if (options - i < 2 || from[i + 1] < 2 || from[i + 1] > options - i)
			break;
		len = from[i + 1];
		if (from[i] & OPTION_COPIED) {
			memcpy(to + n, from + i, len);
			n += len;
		}
	}
	while (n % 4 != 0)
		to[n++] = OPTION_END;
	return n;
}

// The sum without the checksum itself.
static uint16_t header_sum(const struct rte_ipv4_hdr *ip, uint32_t len) {
	return csum_fold(csum_sum(ip, len) + (uint16_t)~ip->hdr_checksum);
}

static void copy_header(struct cut *cut, const struct pkt *p) {
	uint32_t len = header_len(p);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)cut->header;
	uint16_t was;

	memcpy(cut->header, p->ip4, pkt_is_v6(p) ? len : sizeof(*ip));
	cut->header_len = len;
	if (pkt_is_v6(p) || len == sizeof(*ip))
		return;
	was = header_sum(p->ip4, len);
	cut->header_len = sizeof(*ip)
		+ copied_options((const uint8_t *)(p->ip4 + 1), len - sizeof(*ip),
				 cut->header + sizeof(*ip));
	ip->version_ihl = (uint8_t)(4 << 4 | cut->header_len / RTE_IPV4_IHL_MULTIPLIER);
	ip->hdr_checksum =
		csum_apply(ip->hdr_checksum, csum_replace16(was, header_sum(ip, cut->header_len)));
}

// Makes a header that of the `len` bytes at `at` of the packet's data.
static void set_place(
	const struct pkt *p, const struct cut *cut, void *header, uint32_t header_bytes,
	uint32_t at, uint32_t len
) {
	uint16_t from = (uint16_t)(cut->fields.from + at);
	bool more = cut->fields.more || at + len < p->l4_len;
	struct rte_ipv4_hdr *ip = header;
	struct rte_ipv6_hdr *ip6 = header;
	uint16_t was;

	if (pkt_is_v6(p)) {
		ip6->payload_len = rte_cpu_to_be_16((uint16_t)(FRAG_EXT_BYTES + len));
		frag_set_place6(ip6 + 1, from, more);
		return;
	}
	was = header_sum(ip, header_bytes);
	ip->total_length = rte_cpu_to_be_16((uint16_t)(header_bytes + len));
	ip->fragment_offset &=
		rte_cpu_to_be_16((uint16_t)~(RTE_IPV4_HDR_OFFSET_MASK | RTE_IPV4_HDR_MF_FLAG));
	ip->fragment_offset |= rte_cpu_to_be_16((uint16_t)(from / RTE_IPV4_HDR_OFFSET_UNITS
							   | (more ? RTE_IPV4_HDR_MF_FLAG : 0)));
	ip->hdr_checksum =
		csum_apply(ip->hdr_checksum, csum_replace16(was, header_sum(ip, header_bytes)));
}

static void send_piece(struct core *c, const struct pkt *p, const struct cut *cut, uint32_t at) {
	struct rte_mbuf *m = extra_spare(&c->extra);
	uint32_t l2 = sizeof(struct rte_ether_hdr), len = RTE_MIN(cut->room, p->l4_len - at);
	uint8_t *frame = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(l2 + cut->header_len + len));
	uint8_t *data = frame + l2 + cut->header_len;
	const void *from = rte_pktmbuf_read(p->m, l2 + header_len(p) + at, len, data);

	if (from != data)
		memcpy(data, from, len);
	memcpy(frame, rte_pktmbuf_mtod(p->m, const uint8_t *), l2);
	memcpy(frame + l2, cut->header, cut->header_len);
	set_place(p, cut, frame + l2, cut->header_len, at, len);
	// A fresh buffer has room before it.
	if (c->vlan_be[p->arg] != 0)
		vlan_push(m, c->vlan_be[p->arg]);
	extra_send(&c->extra, m, p->arg);
}

static bool has_buffers(const struct extra *e, uint32_t n, uint32_t len) {
	return n <= e->n_spare && n <= EXTRA_MAX - (uint32_t)e->n_send
		&& len <= rte_pktmbuf_tailroom(e->spare[0]);
}

static void split_one(struct core *c, struct pkt *p) {
	uint32_t mtu = c->fwd->hops[p->session->hop[p->dir]].mtu;
	uint32_t l2 = sizeof(struct rte_ether_hdr), header = header_len(p);
	struct cut cut = {.first = RTE_ALIGN_FLOOR(mtu - header, (uint32_t)EIGHT)};

	if (!(p->flags & PKT_FRAGMENT))
		frag_set_id(p, fragment_id(c));
	cut.fields = frag_fields(p);
	copy_header(&cut, p);
	cut.room = RTE_ALIGN_FLOOR(mtu - cut.header_len, (uint32_t)EIGHT);
	if (!has_buffers(&c->extra, (p->l4_len - cut.first + cut.room - 1) / cut.room, l2 + mtu)) {
		pkt_drop(p, SLB_DROP_NO_MBUF);
		return;
	}
	for (uint32_t at = cut.first; at < p->l4_len; at += cut.room)
		send_piece(c, p, &cut, at);
	set_place(p, &cut, p->ip4, header, 0, cut.first);
	mbuf_cut(p->m, l2 + header + cut.first);
}

void split(struct core *c, struct burst *b) {
	for (uint16_t i = 0; i < b->n_live; i++) {
		struct pkt *p = &b->pkts[b->live[i]];
		if (p->verdict == VERDICT_TX && p->flags & PKT_SPLIT)
			split_one(c, p);
	}
}
