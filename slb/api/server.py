# SPDX-License-Identifier: BSD-3-Clause
"""Serves the API on a bound socket."""

import asyncio
import socket
from typing import Any

from aiohttp import web

from slb.api.backend import Gate
from slb.api.errors import PROGRAM, answer_errors
from slb.api.metrics import add_metrics
from slb.api.request import BODY_TIMEOUT, BODY_TIMEOUT_S
from slb.api.routes import add_routes

MAX_BODY = 32 << 20
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
    add_routes(app, gate)
    add_metrics(app, gate)
    return app


class Server:
    """The application on one socket; the socket stays its owner's. `limits`: aiohttp's."""

    def __init__(self, app: web.Application, **limits: Any) -> None:
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=STOP_S, handler_cancellation=False, **limits
        )
        self._bound: socket.socket | None = None

    async def start(self, bound: socket.socket) -> None:
        """Begin to answer."""
        self._bound = bound
        await self._runner.setup()
        await web.SockSite(self._runner, bound).start()

    async def stop(self) -> None:
        """Stop listening and let requests under way finish, STOP_S at most."""
        # asyncio takes some rounds from accepting a connection to serving it, and leaves one open
        # if the server is closed in between: no more are accepted, and those get their rounds.
        if self._bound is not None:
            asyncio.get_running_loop().remove_reader(self._bound)
        for _ in range(ACCEPT_ROUNDS):
            await asyncio.sleep(0)
        await self._runner.cleanup()
