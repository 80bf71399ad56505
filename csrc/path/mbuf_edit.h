// SPDX-License-Identifier: BSD-3-Clause
// What is done to the frame itself where a packet gets other headers, or loses its end.
#pragma once

#include <rte_ether.h>
#include <rte_mbuf.h>
#include <string.h>

// Room for `is` bytes in place of the `was` bytes that stand behind the first `front` ones, which move along. NULL: there is
// no space before the frame, which is then unchanged.
static inline void *mbuf_replace(struct rte_mbuf *m, uint32_t front, uint32_t was, uint32_t is) {
	uint8_t *start = rte_pktmbuf_mtod(m, uint8_t *);
	int32_t grow = (int32_t)is - (int32_t)was;

	if (grow > 0 && rte_pktmbuf_prepend(m, (uint16_t)grow) == NULL)
		return NULL;
	memmove(start - grow, start, front);
	if (grow < 0)
		rte_pktmbuf_adj(m, (uint16_t)-grow);
	return start - grow + front;
}

// Back to where the frame came from.
static inline void mbuf_turn_macs(struct rte_mbuf *m) {
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	struct rte_ether_addr mac = eth->dst_addr;

	eth->dst_addr = eth->src_addr;
	eth->src_addr = mac;
}

// Gives a chain back, or nothing. By a call: what rte_pktmbuf_free() puts in line has locked instructions for mbufs and buffers that several cores
// share. None of ours is shared while the path has it, and frees of single mbufs are rare.
static inline void mbuf_free(struct rte_mbuf *m) {
	rte_pktmbuf_free_bulk(&m, 1);
}

// Takes off what is behind the first `len` bytes, of which there must be as many.
static inline void mbuf_cut(struct rte_mbuf *m, uint32_t len) {
	struct rte_mbuf *last = m;
	uint32_t left = len;
	uint16_t segments = 1;

	for (; left > last->data_len; last = last->next, segments++)
		left -= last->data_len;
	if (last->next != NULL)
		mbuf_free(last->next);
	last->next = NULL;
	last->data_len = (uint16_t)left;
	m->nb_segs = segments;
	m->pkt_len = len;
}
