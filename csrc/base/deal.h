// SPDX-License-Identifier: BSD-3-Clause
// Places of a table dealt to so many owners, such that a change of their number moves few of them.
#pragma once

#include <stdint.h>

enum { DEAL_OWNERS = 32, DEAL_NOBODY = UINT8_MAX };

// Gives each of the owners 0 ... n_owners - 1 as many of the n places as any other, one more or less. What others have goes to
// these; what is theirs stays theirs unless they have too many. With DEAL_NOBODY everywhere: to all in turn.
void deal_places(uint8_t *owner, uint32_t n, uint16_t n_owners);
