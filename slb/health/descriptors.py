# SPDX-License-Identifier: BSD-3-Clause
"""How many sockets there may be for checks."""

import resource
from contextlib import suppress

# Of the descriptors that a process may have, so many are for others.
SPARE = 256
# More than these do not wait for an answer at a time, however many the host allows.
MOST = 16384


def most_open() -> int:
    """Have as many descriptors allowed as may be; returns how many checks can run at once."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST + SPARE
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        wanted = min(wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    return max(wanted - SPARE, 16)
