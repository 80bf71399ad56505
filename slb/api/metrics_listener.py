# SPDX-License-Identifier: BSD-3-Clause
"""/metrics, and nothing else, on an address of its own: for a Prometheus on another host.

Who connects is not trusted: connections are few, short, and for one request each.
"""

import asyncio
import contextlib
import socket

from aiohttp import web

from slb.api.backend import Gate
from slb.api.metrics import add_metrics
from slb.api.server import Server, bare_app
from slb.api.tcp_socket import listening
from slb.errors import ConfigError
from slb.model.endpoint import Endpoint

MAX_CONNECTIONS = 16
MAX_HEADER = 4096
LIFE_S = 30.0
LOOK_S = 1.0


def bind(address: Endpoint) -> socket.socket:
    """Return a socket that listens there; raises ConfigError."""
    try:
        return listening(address, MAX_CONNECTIONS)
    except OSError as error:
        text = f"metrics.address {address}: cannot be listened on: {error.strerror}"
        raise ConfigError([f"{text}; write an address of this host and a free port"]) from None


class MetricsListener(Server):
    """The server; what it is bound to is its own, and closed with it."""

    def __init__(self, gate: Gate) -> None:
        app = bare_app("slbd")
        add_metrics(app, gate)
        app.on_response_prepare.append(_last)
        super().__init__(app, MAX_CONNECTIONS, max_line_size=MAX_HEADER, max_field_size=MAX_HEADER)

    async def watch(self, server: web.Server) -> None:
        """Cut connections off that are too old, until cancelled."""
        await _cut_off(server)


async def _last(_: web.Request, response: web.StreamResponse) -> None:
    response.force_close()


async def _cut_off(server: web.Server) -> None:
    """End connections that are older than LIFE_S, whatever they wait for."""
    since: dict[object, float] = {}
    while True:
        now = asyncio.get_running_loop().time()
        since = {peer: since.get(peer, now) for peer in server.connections}
        for peer in server.connections:
            if now - since[peer] > LIFE_S and peer.transport is not None:
                with contextlib.suppress(OSError):
                    peer.transport.abort()
        await asyncio.sleep(LOOK_S)
