// SPDX-License-Identifier: BSD-3-Clause

#include "path/toa.h"

#include "path/csum.h"
#include "path/tcp_insert.h"
#include "path/tcp_option.h"

#include <rte_common.h>

enum {
	TCP_HEADER_MOST = 60,
	WORD = 4,
	TOA_PORT_AT = 2,
	TOA_ADDR_AT = 4,
};

static uint32_t header_len(const struct rte_tcp_hdr *tcp) {
	return (tcp->data_off >> 4) * (uint32_t)WORD;
}

uint32_t toa_bytes(const struct session *s) {
	return TOA_ADDR_AT
		+ (session_is_v6(s, DIR_IN) ? (uint32_t)IP6_BYTES : (uint32_t)sizeof(uint32_t));
}

// Behind the last option that is read: where the padding begins, if there is any. 0: nobody reads what would stand there.
static uint32_t options_end(const struct rte_tcp_hdr *tcp) {
	struct tcp_option o = TCP_OPTIONS_START;
	uint32_t end = header_len(tcp);

	while (tcp_option_next(tcp, &o))
		;
	if (o.at >= end)
		return end;
	return ((const uint8_t *)tcp)[o.at] == TCP_OPTION_END ? o.at : 0;
}

static uint32_t header_after(const struct pkt *p, uint32_t at) {
	uint32_t is = RTE_ALIGN_CEIL(at + toa_bytes(p->session), (uint32_t)WORD);

	return RTE_MAX(is, header_len(p->l4));
}

uint32_t toa_growth(const struct pkt *p) {
	uint32_t at = options_end(p->l4);
	uint32_t is = header_after(p, at);

	return at > 0 && is <= TCP_HEADER_MOST ? is - header_len(p->l4) : UINT32_MAX;
}

static void write_option(const struct session *s, uint8_t *to) {
	const struct flow_key *key = &s->key[DIR_IN];

	to[0] = TCP_OPTION_TOA;
	to[1] = (uint8_t)toa_bytes(s);
	memcpy(to + TOA_PORT_AT, &key->sport_be, sizeof(key->sport_be));
	if (session_is_v6(s, DIR_IN))
		memcpy(to + TOA_ADDR_AT, session_addrs(s)->addr[DIR_IN][0], IP6_BYTES);
	else
		memcpy(to + TOA_ADDR_AT, &key->src_be, sizeof(key->src_be));
}

// The header from the word with its length on, but for window, checksum and urgent pointer.
static uint32_t changing_sum(const struct rte_tcp_hdr *tcp) {
	uint16_t word;

	memcpy(&word, &tcp->data_off, sizeof(word));
	return word + csum_sum(tcp + 1, header_len(tcp) - (uint32_t)sizeof(*tcp));
}

bool toa_put(struct pkt *p) {
	uint32_t at = options_end(p->l4), was = header_len(p->l4), is = header_after(p, at);
	uint32_t size = toa_bytes(p->session), delta = 0;
	uint16_t sum = csum_fold(changing_sum(p->l4));
	struct rte_tcp_hdr *tcp;
	uint8_t *option;

	if (is > was && tcp_insert(p, at, is - was, &delta) == NULL)
		return false;
	tcp = p->l4;
	option = (uint8_t *)tcp + at;
	write_option(p->session, option);
	memset(option + size, TCP_OPTION_END, is - at - size);
	tcp->data_off = (uint8_t)(is / WORD << 4 | (tcp->data_off & 0xf));
	delta += csum_replace16(sum, csum_fold(changing_sum(tcp)));
	tcp->cksum = csum_apply(tcp->cksum, delta);
	return true;
}

void tcp_blank_options(struct pkt *p, uint8_t kind) {
	struct rte_tcp_hdr *tcp = p->l4;
	uint32_t options = header_len(tcp) - (uint32_t)sizeof(*tcp);
	struct tcp_option o = TCP_OPTIONS_START;

	while (tcp_option_next(tcp, &o)) {
		uint16_t sum;
		if (o.kind != kind)
			continue;
		sum = csum_fold(csum_sum(tcp + 1, options));
		memset((uint8_t *)tcp + o.at, TCP_OPTION_NOP, o.len);
		sum = csum_fold(csum_replace16(sum, csum_fold(csum_sum(tcp + 1, options))));
		tcp->cksum = csum_apply(tcp->cksum, sum);
	}
}
