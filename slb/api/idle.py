# SPDX-License-Identifier: BSD-3-Clause
"""Connections on which nobody asks anything, of which none stays for ever.

A request that is being answered, a stream of events for one, takes as long as it takes. What a
connection does else is idling: to send nothing, or a header that never ends, or not to take the
answer to the last request, for which there is more time.
"""

import asyncio
import time
from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler

LOOK_S = 1.0
# So many times as patient with who still takes an answer.
SLOW = 10


class Idle:
    """Which connections of a server idle, and since when; `patience_s`: for how long they may."""

    def __init__(self, patience_s: Callable[[], float]) -> None:
        self._patience_s = patience_s
        self._busy: set[object] = set()
        # As of the last look.
        self._since: dict[web.RequestHandler, float] = {}

    def is_busy(self, connection: object) -> bool:
        """Tell whether a request is under way on it."""
        return connection in self._busy

    @web.middleware
    async def note(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Note that a request is under way; to be the first middleware."""
        self._busy.add(request.protocol)
        self._since.pop(request.protocol, None)
        try:
            return await handler(request)
        finally:
            self._busy.discard(request.protocol)

    async def watch(self, server: web.Server) -> None:
        """End what idles for too long, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            now, patience = time.monotonic(), self._patience_s()
            idle = [one for one in server.connections if one not in self._busy]
            self._since = {one: self._since.get(one, now) for one in idle}
            for connection in idle:
                transport = connection.transport
                writing = transport is not None and transport.get_write_buffer_size() > 0
                if now - self._since[connection] > patience * (SLOW if writing else 1):
                    connection.force_close()

    def make_room(self) -> bool:
        """End what idled longest at the last look; False: nothing did."""
        while self._since:
            longest = min(self._since, key=self._since.__getitem__)
            del self._since[longest]
            # One that has ended since makes no room any more.
            if longest.transport is not None:
                longest.force_close()
                return True
        return False
