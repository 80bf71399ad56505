// SPDX-License-Identifier: BSD-3-Clause

#include "path/icmp_map.h"

#include <rte_common.h>
#include <rte_ip.h>

enum {
	ANY_CODE = 255,
	SAME_CODE = 255,
	NONE = 255, // a field that the other header does not have
	NEXT_HEADER = 6, // where it is in an IPv6 header
	GROWTH = sizeof(struct rte_ipv6_hdr) - sizeof(struct rte_ipv4_hdr),
	IP4_LEAST_MTU = 68,
	IP6_LEAST_MTU = 1280,
};

// What becomes of the word behind the checksum; if nothing else, zero.
enum word { WORD_ZERO = 0, WORD_MTU, WORD_POINTER, WORD_NEXT_HEADER };

// Errors of a type and a range of codes.
struct row {
	uint8_t type, first, last;
	uint8_t to_type, to_code;
	uint8_t word;
};

static const struct row TO_V6[] = {
	{ICMP4_UNREACHABLE, 0, 1, ICMP6_UNREACHABLE, 0, WORD_ZERO}, // no network, no host
	{ICMP4_UNREACHABLE, 2, 2, ICMP6_PARAMETER, 1, WORD_NEXT_HEADER}, // no protocol
	{ICMP4_UNREACHABLE, 3, 3, ICMP6_UNREACHABLE, 4, WORD_ZERO}, // no port
	{ICMP4_UNREACHABLE, 4, 4, ICMP6_TOO_BIG, 0, WORD_MTU},
	{ICMP4_UNREACHABLE, 5, 8, ICMP6_UNREACHABLE, 0, WORD_ZERO},
	{ICMP4_UNREACHABLE, 9, 10, ICMP6_UNREACHABLE, 1, WORD_ZERO}, // prohibited
	{ICMP4_UNREACHABLE, 11, 12, ICMP6_UNREACHABLE, 0, WORD_ZERO},
	{ICMP4_UNREACHABLE, 13, 13, ICMP6_UNREACHABLE, 1, WORD_ZERO}, // prohibited
	{ICMP4_UNREACHABLE, 15, 15, ICMP6_UNREACHABLE, 1, WORD_ZERO}, // precedence cut off
	{ICMP4_TIME_EXCEEDED, 0, ANY_CODE, ICMP6_TIME_EXCEEDED, SAME_CODE, WORD_ZERO},
	{ICMP4_PARAMETER, 0, 0, ICMP6_PARAMETER, 0, WORD_POINTER},
	{ICMP4_PARAMETER, 2, 2, ICMP6_PARAMETER, 0, WORD_POINTER}, // bad length
};

static const struct row TO_V4[] = {
	{ICMP6_UNREACHABLE, 0, 0, ICMP4_UNREACHABLE, 1, WORD_ZERO}, // no route
	{ICMP6_UNREACHABLE, 1, 1, ICMP4_UNREACHABLE, 10, WORD_ZERO}, // prohibited
	{ICMP6_UNREACHABLE, 2, 3, ICMP4_UNREACHABLE, 1, WORD_ZERO}, // beyond scope, no address
	{ICMP6_UNREACHABLE, 4, 4, ICMP4_UNREACHABLE, 3, WORD_ZERO}, // no port
	{ICMP6_TOO_BIG, 0, ANY_CODE, ICMP4_UNREACHABLE, ICMP4_FRAGMENTATION_NEEDED, WORD_MTU},
	{ICMP6_TIME_EXCEEDED, 0, ANY_CODE, ICMP4_TIME_EXCEEDED, SAME_CODE, WORD_ZERO},
	{ICMP6_PARAMETER, 0, 0, ICMP4_PARAMETER, 0, WORD_POINTER},
	{ICMP6_PARAMETER, 1, 1, ICMP4_UNREACHABLE, 2, WORD_ZERO}, // unknown next header
};

// Where the field that a byte of the one header belongs to begins in the other.
static const uint8_t POINTER_TO_V6[sizeof(struct rte_ipv4_hdr)] = {
	0,    1,    4,    4, // version and length, type of service, total length
	NONE, NONE, NONE, NONE, // identification, flags and offset
	7,    6,    NONE, NONE, // time to live, protocol, checksum
	8,    8,    8,    8, // source
	24,   24,   24,   24, // destination
};

static const uint8_t POINTER_TO_V4[sizeof(struct rte_ipv6_hdr)] = {
	0,  1,  NONE, NONE, // version, traffic class, flow label
	2,  2,  9,    8, // length, next header, hop limit
	12, 12, 12,   12,   12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, // source
	16, 16, 16,   16,   16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, // destination
};

// The largest MTU in use below a length (RFC 1191, 7.1), for routers that tell none.
static uint32_t plateau_below(uint16_t len) {
	static const uint16_t PLATEAUS[] = {65535, 32000, 17914, 8166, 4352,
					    2002,  1492,  1006,  508,  296};

	for (uint32_t i = 0; i < RTE_DIM(PLATEAUS); i++)
		if (PLATEAUS[i] < len)
			return PLATEAUS[i];
	return IP4_LEAST_MTU;
}

static const struct row *find(const struct row *rows, uint32_t n, const struct icmp_head *head) {
	for (uint32_t i = 0; i < n; i++)
		if (rows[i].type == head->type && rows[i].first <= head->code
		    && head->code <= rows[i].last)
			return &rows[i];
	return NULL;
}

static void set(struct icmp_head *head, const struct row *row, uint32_t more) {
	head->type = row->to_type;
	if (row->to_code != SAME_CODE)
		head->code = row->to_code;
	head->more_be = rte_cpu_to_be_32(more);
}

static uint32_t mtu_to_v6(uint32_t mtu, uint16_t quoted_len) {
	if (mtu == 0)
		mtu = plateau_below(quoted_len);
	return RTE_MAX(mtu + GROWTH, (uint32_t)IP6_LEAST_MTU);
}

static uint32_t mtu_to_v4(uint32_t mtu) {
	if (mtu < IP4_LEAST_MTU + GROWTH)
		return IP4_LEAST_MTU;
	return RTE_MIN(mtu - GROWTH, (uint32_t)UINT16_MAX);
}

bool icmp_to_v6(struct icmp_head *head, uint16_t quoted_len) {
	const struct row *row = find(TO_V6, RTE_DIM(TO_V6), head);
	uint32_t was = rte_be_to_cpu_32(head->more_be), pointer = was >> 24, more = 0;

	if (row == NULL)
		return false;
	if (row->word == WORD_NEXT_HEADER)
		more = NEXT_HEADER;
	if (row->word == WORD_MTU)
		more = mtu_to_v6(was & UINT16_MAX, quoted_len);
	if (row->word == WORD_POINTER) {
		more = pointer < RTE_DIM(POINTER_TO_V6) ? POINTER_TO_V6[pointer] : NONE;
		if (more == NONE)
			return false;
	}
	set(head, row, more);
	return true;
}

bool icmp_to_v4(struct icmp_head *head) {
	const struct row *row = find(TO_V4, RTE_DIM(TO_V4), head);
	uint32_t was = rte_be_to_cpu_32(head->more_be), more = 0;

	if (row == NULL)
		return false;
	if (row->word == WORD_MTU)
		more = mtu_to_v4(was);
	if (row->word == WORD_POINTER) {
		more = was < RTE_DIM(POINTER_TO_V4) ? POINTER_TO_V4[was] : NONE;
		if (more == NONE)
			return false;
		more <<= 24;
	}
	set(head, row, more);
	return true;
}

void icmp_lower_mtu(struct icmp_head *head, bool v6, uint32_t by) {
	uint32_t more = rte_be_to_cpu_32(head->more_be), mtu = v6 ? more : more & UINT16_MAX;
	uint32_t least = v6 ? (uint32_t)IP6_LEAST_MTU : (uint32_t)IP4_LEAST_MTU;
	bool tells = v6
		? head->type == ICMP6_TOO_BIG
		: head->type == ICMP4_UNREACHABLE && head->code == ICMP4_FRAGMENTATION_NEEDED;

	if (tells && mtu > least)
		head->more_be = rte_cpu_to_be_32(more - RTE_MIN(by, mtu - least));
}
