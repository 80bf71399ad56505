# SPDX-License-Identifier: BSD-3-Clause
"""Neighbours that were Full and are no more, while others still are: a way less to the network."""

from collections.abc import Iterable
from ipaddress import ip_address

from slb.model.views import OspfNeighbour

# One that has been away for longer was taken away on purpose.
FORGOTTEN_S = 3600.0

Who = tuple[int, str, str]


class Lost:
    """Knows when each neighbour was Full last; keeps no clock of its own."""

    def __init__(self) -> None:
        """Nobody has been Full yet."""
        self._full: dict[Who, tuple[float, OspfNeighbour]] = {}

    def see(self, neighbours: Iterable[OspfNeighbour], now: float) -> None:
        """Note who is Full, or near enough, and forget who has not been for long."""
        for one in neighbours:
            # Two that are neither DR nor BDR of a link stop there, and are well.
            if one.full or (_who(one) in self._full and one.state.startswith("2-Way")):
                self._full[_who(one)] = now, one
        for who in [w for w, (seen, _) in self._full.items() if now - seen > FORGOTTEN_S]:
            del self._full[who]

    def at(self, now: float) -> tuple[str, ...]:
        """In words: who was not there at the look made `now`, where somebody else was.

        That nobody is Full by an OSPF is the adjacency's to say.
        """
        there = {who[0] for who, (seen, _) in self._full.items() if seen == now}
        gone = [one for who, (seen, one) in self._full.items() if seen < now and who[0] in there]
        return tuple(sorted(f"{one.router_id} ({one.address}) on {one.interface}" for one in gone))

    def forget(self) -> None:
        """Other settings: who is there now is another question."""
        self._full.clear()


def _who(one: OspfNeighbour) -> Who:
    # A router that speaks both families is a neighbour in each.
    return ip_address(one.address).version, one.interface, one.router_id
