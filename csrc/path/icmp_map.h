// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "path/icmp_head.h"

// What an error means in the other family (RFC 7915, 4.2 and 5.2): type, code, and MTU or pointer; `quoted_len`: of the IPv4
// packet that it quotes. False: nothing, and the error is as it was.
bool icmp_to_v6(struct icmp_head *head, uint16_t quoted_len);
bool icmp_to_v4(struct icmp_head *head);

// If it is an error of IPv6, or else IPv4, that tells an MTU, tells one smaller by so many bytes, as far as the family allows.
void icmp_lower_mtu(struct icmp_head *head, bool v6, uint32_t by);
