# SPDX-License-Identifier: BSD-3-Clause
"""The adjacency as a whole: what it was and what is seen now give what it is.

One Full neighbour is enough, since what it knows it floods. LOST differs from DOWN in that there
was a Full neighbour before; while BIRD gives no answer fit to read, nothing is known and nothing is
remembered.
"""

from collections.abc import Sequence
from enum import StrEnum

from slb.model.views import OspfNeighbour


class Adjacency(StrEnum):
    """How this host is joined to the OSPF area."""

    UNKNOWN = "unknown"
    DOWN = "down"
    FORMING = "forming"
    FULL = "full"
    LOST = "lost"


class Sighting(StrEnum):
    """What a look at the neighbours has shown."""

    NO_ANSWER = "no answer"
    NOBODY = "nobody"
    PARTIAL = "partial"
    FULL = "full"


_FRESH = {
    Sighting.NO_ANSWER: Adjacency.UNKNOWN,
    Sighting.NOBODY: Adjacency.DOWN,
    Sighting.PARTIAL: Adjacency.FORMING,
    Sighting.FULL: Adjacency.FULL,
}
_AFTER_FULL = {
    Sighting.NO_ANSWER: Adjacency.UNKNOWN,
    Sighting.NOBODY: Adjacency.LOST,
    Sighting.PARTIAL: Adjacency.LOST,
    Sighting.FULL: Adjacency.FULL,
}

TRANSITIONS: dict[Adjacency, dict[Sighting, Adjacency]] = {
    Adjacency.UNKNOWN: _FRESH,
    Adjacency.DOWN: _FRESH,
    Adjacency.FORMING: _FRESH,
    Adjacency.FULL: _AFTER_FULL,
    Adjacency.LOST: _AFTER_FULL,
}


def sighting(neighbours: Sequence[OspfNeighbour] | None) -> Sighting:
    """Name what was seen; None stands for no answer."""
    if neighbours is None:
        return Sighting.NO_ANSWER
    if not neighbours:
        return Sighting.NOBODY
    return Sighting.FULL if any(n.full for n in neighbours) else Sighting.PARTIAL
