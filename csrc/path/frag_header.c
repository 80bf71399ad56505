// SPDX-License-Identifier: BSD-3-Clause

#include "path/frag_header.h"

#include "path/csum.h"

#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_ip.h>

enum { MORE6 = 1, PLACE_MASK = 0xfff8 };

struct frag_ext {
	uint8_t proto;
	uint8_t reserved;
	uint16_t place_be; // in bytes; the lowest bit: more follow
	uint32_t id_be;
} __rte_packed;

_Static_assert(sizeof(struct frag_ext) == FRAG_EXT_BYTES, "as RFC 8200 has it");

static struct frag_ext *ext_of(const struct pkt *p) {
	return (struct frag_ext *)((uint8_t *)p->l4 - FRAG_EXT_BYTES);
}

struct frag_fields frag_fields(const struct pkt *p) {
	uint16_t place;

	if (pkt_is_v6(p)) {
		place = rte_be_to_cpu_16(ext_of(p)->place_be);
		return (struct frag_fields){
			.from = place & PLACE_MASK,
			.more = (place & MORE6) != 0,
			.id = rte_be_to_cpu_32(ext_of(p)->id_be),
		};
	}
	place = rte_be_to_cpu_16(p->ip4->fragment_offset);
	return (struct frag_fields){
		.from = (uint16_t)((place & RTE_IPV4_HDR_OFFSET_MASK) * RTE_IPV4_HDR_OFFSET_UNITS),
		.more = (place & RTE_IPV4_HDR_MF_FLAG) != 0,
		.id = rte_be_to_cpu_16(p->ip4->packet_id),
	};
}

void frag_set_id(struct pkt *p, uint32_t id) {
	struct rte_ipv4_hdr *ip = p->ip4;
	uint16_t id_be = rte_cpu_to_be_16((uint16_t)id);

	if (pkt_is_v6(p)) {
		ext_of(p)->id_be = rte_cpu_to_be_32(id);
		return;
	}
	ip->hdr_checksum = csum_apply(ip->hdr_checksum, csum_replace16(ip->packet_id, id_be));
	ip->packet_id = id_be;
}

void frag_set_place6(void *fragment_header, uint16_t from, bool more) {
	struct frag_ext *ext = fragment_header;

	ext->place_be = rte_cpu_to_be_16((uint16_t)(from | (more ? MORE6 : 0)));
}

void frag_put_ext(void *fragment_header, uint8_t proto, struct frag_fields f) {
	struct frag_ext *ext = fragment_header;

	ext->proto = proto;
	ext->reserved = 0;
	ext->id_be = rte_cpu_to_be_32(f.id);
	frag_set_place6(ext, f.from, f.more);
}
