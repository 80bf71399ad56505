// SPDX-License-Identifier: BSD-3-Clause

#include "path/tcp_insert.h"

#include "path/csum.h"
#include "path/mbuf_edit.h"

#include <rte_ip.h>

static uint32_t put_length(uint16_t *field, uint16_t len) {
	uint16_t was = *field;

	*field = rte_cpu_to_be_16(len);
	return csum_replace16(was, *field);
}

void *tcp_insert(struct pkt *p, uint32_t at, uint32_t bytes, uint32_t *delta) {
	uint8_t *place = (uint8_t *)p->l4 + at;
	uint32_t front = (uint32_t)(place - rte_pktmbuf_mtod(p->m, uint8_t *));
	uint16_t was = rte_cpu_to_be_16(p->l4_len);

	if (p->ip_len + bytes > UINT16_MAX)
		return NULL;
	place = mbuf_replace(p->m, front, 0, bytes);
	if (place == NULL)
		return NULL;
	p->l4 = (uint8_t *)p->l4 - bytes;
	p->ip4 = (void *)((uint8_t *)p->ip4 - bytes);
	p->ip_len += (uint16_t)bytes;
	p->l4_len += (uint16_t)bytes;
	*delta = csum_replace16(was, rte_cpu_to_be_16(p->l4_len));
	if (pkt_is_v6(p)) {
		put_length(&p->ip6->payload_len, p->ip_len - (uint16_t)sizeof(*p->ip6));
		return place;
	}
	p->ip4->hdr_checksum =
		csum_apply(p->ip4->hdr_checksum, put_length(&p->ip4->total_length, p->ip_len));
	return place;
}
