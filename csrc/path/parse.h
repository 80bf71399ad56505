// SPDX-License-Identifier: BSD-3-Clause
#pragma once

struct burst;

// Reads Ethernet, IPv4 and L4 headers with bounds taken from the bytes received, never from what a header claims, and
// fills in the key. Decides what is not IPv4 (punt) and what is malformed (drop).
void parse(struct burst *b);
