// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "path/icmp_head.h"

// What an error means in the other family (RFC 7915, 4.2 and 5.2): type, code, and MTU or pointer; `quoted_len`: of the IPv4
// packet that it quotes. False: nothing, and the error is as it was.
bool icmp_to_v6(struct icmp_head *head, uint16_t quoted_len);
bool icmp_to_v4(struct icmp_head *head);
