// SPDX-License-Identifier: BSD-3-Clause

#include "path/cut.h"

#include <rte_mbuf.h>

void cut(struct rte_mbuf *m, uint32_t len) {
	struct rte_mbuf *last = m;
	uint16_t segments = 1;
	uint32_t left = len;

	for (; left > last->data_len; last = last->next, segments++)
		left -= last->data_len;
	rte_pktmbuf_free(last->next);
	last->next = NULL;
	last->data_len = (uint16_t)left;
	m->nb_segs = segments;
	m->pkt_len = len;
}
