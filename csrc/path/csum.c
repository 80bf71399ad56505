// SPDX-License-Identifier: BSD-3-Clause

#include "path/csum.h"

#include <rte_byteorder.h>
#include <rte_mbuf.h>

uint16_t csum_packet(const struct rte_mbuf *m, uint32_t at, uint32_t len) {
	uint32_t sum = 0, done = 0;

	for (; at >= m->data_len; m = m->next)
		at -= m->data_len;
	for (; done < len; m = m->next, at = 0) {
		uint32_t n = RTE_MIN(m->data_len - at, len - done);
		uint16_t part =
			csum_fold(csum_sum(rte_pktmbuf_mtod_offset(m, const uint8_t *, at), n));
		// Behind an odd number of bytes high and low change places (RFC 1071, 2.B).
		sum += done & 1 ? rte_bswap16(part) : part;
		done += n;
	}
	return csum_fold(sum);
}
