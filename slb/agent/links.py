# SPDX-License-Identifier: BSD-3-Clause
"""Reads slbd's ports once a second, and tells of links: of ports, and of the members of bonds."""

import asyncio
from collections.abc import Callable, Iterable, Iterator

from slb.api.client import Client
from slb.errors import SlbError
from slb.model.views import PortView

READ_S = 1.0

# Tells what has happened: a kind and its fields.
Emit = Callable[..., None]
# A port, and a member of it or nothing.
Place = tuple[str, str]
DOWN = "down"


class Links:
    """`slbd`: a client that does not wait long. slbd has all of this in its log already."""

    def __init__(self, slbd: Client, emit: Emit) -> None:
        self._slbd = slbd
        self._emit = emit
        self._states: dict[Place, str] = {}

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(READ_S)

    async def look(self) -> None:
        """Look once; while slbd does not answer nothing is told."""
        try:
            rows = await asyncio.to_thread(self._slbd.port_list)
        except SlbError:
            return
        found = dict(_states(rows))
        for place, state in found.items():
            # Of what is seen for the first time, only what is not well is news.
            if self._states.get(place, state if state != DOWN else None) != state:
                self._tell(place, state)
        self._states = found

    def _tell(self, place: Place, state: str) -> None:
        port, device = place
        if device:
            was = self._states.get(place)
            self._emit(f"member_{state}", port=port, device=device, was=was)
        else:
            self._emit(f"port_{state}", port=port)


def _states(ports: Iterable[PortView]) -> Iterator[tuple[Place, str]]:
    for port in ports:
        if port.link_up is not None:
            yield (port.name, ""), "up" if port.link_up else DOWN
        for member in port.members:
            yield (port.name, member.device), member.state
