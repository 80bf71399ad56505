# SPDX-License-Identifier: BSD-3-Clause
"""Local addresses of three workers, one each, and what is listed of them."""

from collections.abc import Iterable

from values import Laddr, Settings

LONG = 2000
SOFT = Settings(workers=3, laddrs=tuple((f"198.18.0.{w + 1}", w, 0) for w in range(3)))
OLD = [address for address, _, _ in SOFT.laddrs]


def listed(rows: Iterable[Laddr]) -> dict[str, tuple[bool, int]]:
    """By address: whether it drains, and its sessions on all workers."""
    found: dict[str, tuple[bool, int]] = {}
    for row in rows:
        found[row.address] = (row.draining, found.get(row.address, (False, 0))[1] + row.active)
    return found
