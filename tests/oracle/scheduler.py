# SPDX-License-Identifier: BSD-3-Clause
"""Which RS a new session goes to: foreseen where that is documented, else what is legal.

`rr`: each RS in turn. `wrr`: in turn by weight, evenly mixed (smooth weighted round robin). `sh`:
by the client's address, shares by weight, and a change moves as few clients as it can.
"""

from collections.abc import Sequence
from typing import Protocol

from oracle.packet import Address, Endpoint


class Server(Protocol):
    """What a scheduler knows of an RS."""

    endpoint: Endpoint
    weight: int


class Turn:
    """A scheduler's memory of one VS on one worker."""

    def legal(self, servers: Sequence[Server], client: Address) -> list[Server]:
        """Those of the RS, not empty, that may come next: any, unless a scheduler promises more."""
        return usable(servers)

    def took(self, servers: Sequence[Server], server: Server, client: Address) -> None:
        """This one came next."""

    def changed(self, before: Sequence[Server], now: Sequence[Server]) -> None:
        """RS or their weights are others than before."""


class RoundRobin(Turn):
    """Who came last; None at the beginning. Not `known`: nobody has promised who is next."""

    def __init__(self, known: bool) -> None:
        self._known = known
        self._last: Server | None = None

    def legal(self, servers: Sequence[Server], client: Address) -> list[Server]:
        if not self._known:
            return usable(servers)
        at = servers.index(self._last) + 1 if self._last is not None else 0
        return usable([*servers[at:], *servers[:at]])[:1]

    def took(self, servers: Sequence[Server], server: Server, client: Address) -> None:
        self._known, self._last = True, server

    def changed(self, before: Sequence[Server], now: Sequence[Server]) -> None:
        """Losing one that had its turn shifts the others; all else leaves the order alone."""
        if self._last is None or not self._known:
            return
        kept = before[: before.index(self._last) + 1]
        self._known = list(now[: len(kept)]) == list(kept)


class Smooth(Turn):
    """Each turn an RS earns its weight; the richest, of equals the first, pays all weights."""

    def __init__(self) -> None:
        self._credit: dict[Server, int] = {}

    def legal(self, servers: Sequence[Server], client: Address) -> list[Server]:
        return [max(usable(servers), key=lambda rs: self._credit.get(rs, 0) + rs.weight)]

    def took(self, servers: Sequence[Server], server: Server, client: Address) -> None:
        for rs in usable(servers):
            self._credit[rs] = self._credit.get(rs, 0) + rs.weight
        self._credit[server] -= sum(rs.weight for rs in servers)

    def changed(self, before: Sequence[Server], now: Sequence[Server]) -> None:
        self._credit = {}


class Preferences:
    """Which RS a client's address has been seen to prefer to which, at what weights.

    Once it has preferred A to B, it does so wherever B is not heavier against A than it was then:
    on every worker, whatever other RS there are.
    """

    def __init__(self) -> None:
        self._beaten: dict[tuple[Address, Endpoint, Endpoint], float] = {}

    def possible(self, servers: Sequence[Server], client: Address) -> list[Server]:
        """Those that contradict nothing seen."""
        return [
            one
            for one in servers
            if not any(self._preferred(other, one, client) for other in servers)
        ]

    def _preferred(self, winner: Server, loser: Server, client: Address) -> bool:
        ratio = self._beaten.get((client, winner.endpoint, loser.endpoint), -1.0)
        return loser.weight / winner.weight <= ratio

    def note(self, servers: Sequence[Server], winner: Server, client: Address) -> None:
        """The client has preferred one to all others."""
        for loser in usable(servers):
            if loser is not winner:
                key = client, winner.endpoint, loser.endpoint
                ratio = loser.weight / winner.weight
                self._beaten[key] = max(ratio, self._beaten.get(key, -1.0))


class SourceHash(Turn):
    """Free in the choice, but held to it."""

    def __init__(self, preferences: Preferences) -> None:
        self._preferences = preferences

    def legal(self, servers: Sequence[Server], client: Address) -> list[Server]:
        return self._preferences.possible(usable(servers), client)

    def took(self, servers: Sequence[Server], server: Server, client: Address) -> None:
        self._preferences.note(servers, server, client)


def usable(servers: Sequence[Server]) -> list[Server]:
    """Those that take new sessions."""
    return [rs for rs in servers if rs.weight > 0]


def turn_of(scheduler: str, preferences: Preferences, known: bool = True) -> Turn:
    """A scheduler's memory before its first choice."""
    if scheduler == "sh":
        return SourceHash(preferences)
    return Smooth() if scheduler == "wrr" else RoundRobin(known)
