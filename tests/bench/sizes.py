# SPDX-License-Identifier: BSD-3-Clause
"""How many sessions there are, and the memory for many of them."""

SESSIONS = 1_000
MANY = 10_000_000
MANY_MB = 1_280
LIVES = 4_096  # connections that begin at a time
