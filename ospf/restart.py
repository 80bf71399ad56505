# SPDX-License-Identifier: BSD-3-Clause
"""When a BIRD that was restarted has learnt again what the one before it knew.

Of a restart that the neighbours have been told of (RFC 3623, RFC 5187), they keep the routes.

BIRD 2.0.12 ends its recovery at the first tick at which its neighbours are Full again, and then
flushes its router LSA where that was received within MinLSInterval: the neighbours lose all routes
for a second. So the tick is a long one until everybody has been Full for longer than that, and a
`configure` with the ordinary tick ends the recovery.

Of a BIRD that died they know nothing, and give it up. Here its routes stay in the kernel: the new
one's kernel protocol, which begins with removing what BIRD has not learnt, is off until everybody
has been Full for long enough.
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
# After a death both ends say their router LSA anew, each within MinLSInterval, and BIRD computes.
LEARN_S = 12.0
# For a BIRD to be Full again, when it may listen for the dead interval first, and to learn.
BACK_S = 20.0

Who = tuple[str, str, int]


def kept_s(dead_s: int) -> float:
    """How long the routes of a BIRD that died are kept, if neighbours do not come back."""
    return BACK_S + 2 * dead_s


class Restart:
    """Knows when it is over; keeps no clock of its own."""

    def __init__(
        self,
        neighbours: Iterable[OspfNeighbour],
        now: float,
        settle_s: float = SETTLE_S,
        limit_s: float = GRACE_S,
    ) -> None:
        """Remember who was Full, and how long they must have been so again, and may take."""
        self._settle_s = settle_s
        self._awaited = _full(neighbours)
        self._ends = now + limit_s
        self._complete_since: float | None = None

    @property
    def nobody_waits(self) -> bool:
        """Whether there was no Full neighbour that could keep the routes."""
        return not self._awaited

    def over(self, neighbours: Iterable[OspfNeighbour], now: float) -> bool:
        """Whether all are Full again, and long enough, or it took too long."""
        if not self._awaited <= _full(neighbours):
            self._complete_since = None
        elif self._complete_since is None:
            self._complete_since = now
        complete = self._complete_since
        return now >= self._ends or (complete is not None and now - complete >= self._settle_s)


def _full(neighbours: Iterable[OspfNeighbour]) -> frozenset[Who]:
    # A router that speaks both families is a neighbour in each.
    return frozenset(
        (n.interface, n.router_id, ip_address(n.address).version) for n in neighbours if n.full
    )
