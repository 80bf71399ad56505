# SPDX-License-Identifier: BSD-3-Clause
"""A restart of BIRD's that the neighbours have been told of (RFC 3623, RFC 5187).

BIRD 2.0.12 ends its recovery at the first tick at which its neighbours are Full again, and then
flushes its router LSA where that was received within MinLSInterval: the neighbours lose all routes
for a second. So the tick is a long one until everybody has been Full for longer than that, and a
`configure` with the ordinary tick ends the recovery.
"""

from collections.abc import Iterable
from ipaddress import ip_address

from slb.model.views import OspfNeighbour

# Seconds; far more than a recovery takes.
TICK_S = 100
# MinLSInterval is 5 s (RFC 2328), and a look at the neighbours is up to a second late.
SETTLE_S = 6.0
# BIRD asks its neighbours for 120 s.
GRACE_S = 110.0

Who = tuple[str, str, int]


class Restart:
    """Knows when it is over; keeps no clock of its own."""

    def __init__(self, neighbours: Iterable[OspfNeighbour], now: float) -> None:
        """Remember who was Full."""
        self._awaited = _full(neighbours)
        self._ends = now + GRACE_S
        self._complete_since: float | None = None

    @property
    def nobody_waits(self) -> bool:
        """Whether there was no Full neighbour that could keep the routes."""
        return not self._awaited

    def over(self, neighbours: Iterable[OspfNeighbour], now: float) -> bool:
        """Whether all are Full again, and long enough, or the neighbours wait no longer."""
        if not self._awaited <= _full(neighbours):
            self._complete_since = None
        elif self._complete_since is None:
            self._complete_since = now
        complete = self._complete_since
        return now >= self._ends or (complete is not None and now - complete >= SETTLE_S)


def _full(neighbours: Iterable[OspfNeighbour]) -> frozenset[Who]:
    # A router that speaks both families is a neighbour in each.
    return frozenset(
        (n.interface, n.router_id, ip_address(n.address).version) for n in neighbours if n.full
    )
