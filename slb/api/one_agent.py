# SPDX-License-Identifier: BSD-3-Clause
"""slbd follows one slb-agent: two with desired states of their own would undo each other for ever.

An agent names itself in the header of what it asks. Who it is says the kernel, of the connection;
a descriptor of that process tells when it has ended, however it did, and no other process that gets
its number is taken for it. Who does not say to be an agent, an operator with slbctl, may do what
the socket lets him do.
"""

import logging
import os
import select
import socket
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote

from aiohttp import web
from aiohttp.typedefs import Handler

from slb.api import peer
from slb.api.unix_http import AGENT
from slb.errors import OtherAgent
from slb.model.address import show

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Followed:
    """A process, `pidfd` a descriptor of it, and where it keeps its desired state."""

    pid: int
    pidfd: int
    state: str

    def lives(self) -> bool:
        """Tell whether it has not ended."""
        poll = select.poll()
        poll.register(self.pidfd, select.POLLIN)
        return not poll.poll(0)


class OneAgent:
    """Which agent is followed: the first that asks, as long as it lives."""

    def __init__(self) -> None:
        self._followed: _Followed | None = None
        self._refused = 0

    def check(self, connection: socket.socket, state: str) -> None:
        """Follow that agent, if no other one is followed; raises OtherAgent.

        One whose process cannot be seen from here (pid 0: it is in another PID namespace) is let
        through while no other one is followed, and not remembered.
        """
        pid, followed = peer.of(connection).pid, self._followed
        if followed is not None and not followed.lives():
            log.info("slb-agent with pid %d has ended", followed.pid)
            self.forget()
            followed = None
        if followed is None:
            self._follow(pid, state, connection)
        elif followed.pid != pid:
            if pid != self._refused:
                text = "slb-agent with pid %d, --state %s, is refused: that with pid %d lives"
                log.warning(text, pid, show(state), followed.pid)
            self._refused = pid
            raise OtherAgent(
                f"slbd follows the slb-agent with pid {followed.pid}, which lives and has --state "
                f"{show(followed.state)}; stop one of the two"
            )

    def forget(self) -> None:
        """Follow nobody."""
        if self._followed is not None:
            os.close(self._followed.pidfd)
        self._followed, self._refused = None, 0

    def _follow(self, pid: int, state: str, connection: socket.socket) -> None:
        # It may have ended by now, ESRCH.
        with suppress(OSError):
            made = _Followed(pid, os.pidfd_open(pid), state)
            if _is_shut(connection):
                # Nor is another process followed that has got its number meanwhile.
                os.close(made.pidfd)
                return
            self._followed = made
            log.info("following slb-agent with pid %d, --state %s", pid, show(state))


def follow_one_agent(app: web.Application) -> None:
    """Have an application refuse what an agent asks while another one is followed."""
    one = OneAgent()

    async def end(_: web.Application) -> None:
        one.forget()

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        named = request.headers.get(AGENT)
        connection: socket.socket | None = request.get_extra_info("socket")
        if named is not None and connection is not None:
            one.check(connection, unquote(named))
        return await handler(request)

    app.middlewares.append(check)
    app.on_cleanup.append(end)


def _is_shut(connection: socket.socket) -> bool:
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLRDHUP)
    return bool(poll.poll(0))
