# SPDX-License-Identifier: BSD-3-Clause
"""Serves the API on a bound socket.

Who may connect is not trusted to end what he begins: connections are so many at most, and none
idles for ever. What idles longest makes room for another one, so that nobody who only connects
keeps slb-agent from slbd.
"""

import asyncio
import logging
import socket
from typing import Any

from aiohttp import web

from slb.api.backend import Gate
from slb.api.errors import PROGRAM, answer_errors
from slb.api.idle import Idle
from slb.api.metrics import add_metrics
from slb.api.one_agent import follow_one_agent
from slb.api.record import note_changes
from slb.api.request import BODY_TIMEOUT, BODY_TIMEOUT_S
from slb.api.routes import add_routes

log = logging.getLogger(__name__)

MAX_BODY = 32 << 20
CONNECTIONS = 256
IDLE_S = 60.0
BACKLOG = 128
STOP_S = 3.0
ACCEPT_ROUNDS = 5


def bare_app(program: str, body_timeout_s: float = BODY_TIMEOUT_S) -> web.Application:
    """Return an application without routes, which answers every failure as it should be."""
    app = web.Application(client_max_size=MAX_BODY, middlewares=[answer_errors])
    app[BODY_TIMEOUT] = body_timeout_s
    app[PROGRAM] = program
    return app


def make_app(gate: Gate, body_timeout_s: float = BODY_TIMEOUT_S) -> web.Application:
    """Return slbd's application, which serves what the gate lets through."""
    app = bare_app("slbd", body_timeout_s)
    follow_one_agent(app)
    app.middlewares.insert(0, note_changes)
    add_routes(app, gate)
    add_metrics(app, gate)
    return app


class Server:
    """The application on one socket; the socket stays its owner's.

    `connections`: how many may be open. `limits`: aiohttp's.
    """

    def __init__(self, app: web.Application, connections: int = CONNECTIONS, **limits: Any) -> None:
        self._idle = Idle(lambda: IDLE_S)
        app.middlewares.insert(0, self._idle.note)
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=STOP_S, handler_cancellation=False, **limits
        )
        self._connections = connections
        self._full = False
        self._bound: socket.socket | None = None
        self._listening: asyncio.Server | None = None
        self._watching: asyncio.Task[None] | None = None

    async def start(self, bound: socket.socket) -> None:
        """Begin to answer."""
        self._bound = bound
        await self._runner.setup()
        server = self._runner.server
        assert server is not None, "it is set up"
        self._listening = await asyncio.get_running_loop().create_server(
            lambda: self._serve(server), sock=bound, backlog=BACKLOG
        )
        self._watching = asyncio.create_task(self.watch(server))

    async def watch(self, server: web.Server) -> None:
        """End what stays for too long, until cancelled."""
        await self._idle.watch(server)

    async def stop(self) -> None:
        """Stop listening and let requests under way finish, STOP_S at most."""
        # asyncio takes some rounds from accepting a connection to serving it, and leaves one open
        # if the server is closed in between: no more are accepted, and those get their rounds.
        if self._bound is not None:
            asyncio.get_running_loop().remove_reader(self._bound)
        for _ in range(ACCEPT_ROUNDS):
            await asyncio.sleep(0)
        if self._watching is not None:
            self._watching.cancel()
        if self._listening is not None:
            self._listening.close()
        await self._runner.cleanup()

    def _serve(self, server: web.Server) -> asyncio.BaseProtocol:
        """Return what serves one more connection."""
        count = len(server.connections)
        if count < self._connections:
            # Told once while the number goes up and down near the limit.
            self._full = self._full and count > self._connections // 2
            return server()
        if not self._full:
            log.warning("%d connections are open; one ends for each that comes", self._connections)
        self._full = True
        return server() if self._idle.make_room() else _Refusal()


class _Refusal(asyncio.Protocol):
    """One connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Close it."""
        transport.close()
