# SPDX-License-Identifier: BSD-3-Clause
"""Serves the agent's API over TCP, which is never without TLS.

Connections are accepted here, so that each is made with the certificates in force at that moment,
and so that those still at the handshake count too. Where there are as many as there may be, one on
which nobody asks anything makes room: nobody who only connects keeps others out.
"""

import asyncio
import contextlib
import logging
import socket
from typing import Any

from aiohttp import web

from slb.agent.secure import Secure
from slb.agent.seldom import Seldom
from slb.agent.tls import HandshakeFailed
from slb.api.idle import Idle
from slb.api.server import STOP_S
from slb.api.tcp_socket import listening
from slb.errors import ConfigError
from slb.model.endpoint import Endpoint

log = logging.getLogger(__name__)

BACKLOG = 128
HANDSHAKE_S = 10.0
# Where room is needed, one that takes longer is ended before anything that idles.
NEEDED_S = 1.0
SHUTDOWN_S = 2.0
# After the kernel had no descriptor for a connection.
PAUSE_S = 0.5


class TcpServer:
    """The application on TCP addresses; stop() ends it."""

    def __init__(self, app: web.Application, secure: Secure) -> None:
        self._secure = secure
        self._idle = Idle(lambda: secure.config.limits.idle_s)
        self._seldom = Seldom(log)
        self._full = Seldom(log, level=logging.WARNING)
        app.middlewares.insert(0, self._idle.note)
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=STOP_S, handler_cancellation=False
        )
        self._bound: list[socket.socket] = []
        # Those at the handshake, the first ones first, and since when.
        self._beginning: dict[asyncio.Task[None], float] = {}
        self._looking: asyncio.Task[None] | None = None

    @property
    def addresses(self) -> list[Any]:
        """Where it listens, each as the kernel tells it."""
        return [bound.getsockname() for bound in self._bound]

    @property
    def _server(self) -> web.Server:
        assert self._runner.server is not None, "it is set up"
        return self._runner.server

    @property
    def _limit(self) -> int:
        return self._secure.config.limits.connections

    async def start(self) -> None:
        """Begin to answer; raises ConfigError when an address cannot be had."""
        await self._runner.setup()
        for i, endpoint in enumerate(self._secure.config.listen):
            self._bound.append(_bind(i, endpoint))
        for bound in self._bound:
            asyncio.get_running_loop().add_reader(bound, self._accept, bound)
        self._secure.after_reload.append(self._have_made_again)
        self._looking = asyncio.create_task(self._idle.watch(self._server))

    async def stop(self) -> None:
        """Stop listening and let requests under way finish, STOP_S at most."""
        if self._looking is not None:
            self._looking.cancel()
        for bound in self._bound:
            asyncio.get_running_loop().remove_reader(bound)
            bound.close()
        for task in self._beginning:
            task.cancel()
        await self._runner.cleanup()

    def _have_made_again(self) -> None:
        """End every connection behind its request, so that who it is of is found out anew."""
        for connection in self._server.connections:
            if self._idle.is_busy(connection):
                connection.close()
            else:
                connection.force_close()

    def _accept(self, bound: socket.socket) -> None:
        try:
            connection, peer = bound.accept()
        except (BlockingIOError, InterruptedError, ConnectionError):
            return
        except OSError as error:
            log.error("no connection can be accepted: %s", error.strerror)
            loop = asyncio.get_running_loop()
            loop.remove_reader(bound)
            loop.call_later(PAUSE_S, self._resume, bound)
            return
        if len(self._server.connections) + len(self._beginning) >= self._limit:
            text = "%d connections are open; one that idles ends for each that comes"
            self._full.tell(text, self._limit)
            if not self._make_room():
                connection.close()
                return
        task = asyncio.create_task(self._begin(connection, f"{peer[0]} port {peer[1]}"))
        self._beginning[task] = asyncio.get_running_loop().time()
        task.add_done_callback(lambda done: self._beginning.pop(done, None))

    def _make_room(self) -> bool:
        """End what has been longer at its handshake than it needs, else what idles, else that."""
        first = next(iter(self._beginning), None)
        now = asyncio.get_running_loop().time()
        late = first is not None and now - self._beginning[first] > NEEDED_S
        if not late and self._idle.make_room():
            return True
        if first is not None:
            first.cancel()
            del self._beginning[first]
        return first is not None

    def _resume(self, bound: socket.socket) -> None:
        if bound.fileno() >= 0:
            asyncio.get_running_loop().add_reader(bound, self._accept, bound)

    async def _begin(self, connection: socket.socket, peer: str) -> None:
        connection.setblocking(False)
        if self._secure.context is None:
            # agent.yaml has no TLS any more, and what it does not listen at needs a restart.
            self._seldom.tell("%s: no connection: agent.yaml has no tls", peer)
            connection.close()
            return
        try:
            # The transport has closed its own by the time that an alert can be sent.
            spare = connection.dup()
        except OSError as error:
            log.error("%s: no connection: %s", peer, error.strerror)
            connection.close()
            return
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                self._server,
                connection,
                ssl=self._secure.context,
                ssl_handshake_timeout=HANDSHAKE_S,
                ssl_shutdown_timeout=SHUTDOWN_S,
            )
        except asyncio.CancelledError:
            with contextlib.suppress(OSError):
                spare.shutdown(socket.SHUT_RDWR)
            raise
        except HandshakeFailed as error:
            self._seldom.tell("%s: no TLS connection: %s", peer, error.why)
            with contextlib.suppress(OSError):
                spare.send(error.alert)
        except OSError as error:
            why = str(error) or "the other side ended it before"
            self._seldom.tell("%s: no TLS connection: %s", peer, why)
        finally:
            spare.close()


def _bind(index: int, endpoint: Endpoint) -> socket.socket:
    try:
        return listening(endpoint, BACKLOG)
    except OSError as error:
        text = f"listen[{index}] {endpoint}: cannot be had: {error.strerror}"
        raise ConfigError([text]) from None
