# SPDX-License-Identifier: BSD-3-Clause
"""One HTTP request over a Unix socket, with nothing but the standard library: it loads quickly.

Whoever answers is not trusted: neither the time nor the octets that an answer takes are his to
choose, wherever in the answer he would spend them.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from socket import AF_UNIX, SOCK_STREAM, socket
from typing import Any, Protocol
from urllib.parse import quote

MAX_ANSWER = 512 << 20  # more than a full table of RS takes
MAX_HEADERS = 1 << 20
MAX_LINE = 1 << 20

# In it an slb-agent names itself to slbd: by the directory of its state, quoted as in a URL.
AGENT = "X-Slb-Agent"
_STATE_LONGEST = 200


class TooLong(ValueError):
    """The answer has more octets than any that slbd gives."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    content_type: str
    body: bytes


class NoStream(Exception):
    """Who was asked for a stream gave an answer instead."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Bounded(socket):
    """A socket that is read from until a deadline, and so much of it, once bound() has said so."""

    _deadline = math.inf
    _octets_left = 0

    def bound(self, timeout_s: float, max_octets: int) -> None:
        """Set the bounds."""
        self._deadline = time.monotonic() + timeout_s
        self._octets_left = max_octets
        self.settimeout(timeout_s)

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0, /) -> int:
        """Receive; raises TimeoutError after the deadline, TooLong behind the bound."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.settimeout(left)
        count = super().recv_into(buffer, nbytes, flags)
        self._octets_left -= count
        if self._octets_left < 0:
            raise TooLong("the answer has no end")
        return count


class Way(Protocol):
    """Where somebody answers, and what has to be shown there; its text is for errors."""

    @property
    def headers(self) -> dict[str, str]:
        """What every request has in its header."""

    def connection(self, timeout_s: float, max_octets: int) -> HTTPConnection:
        """Return a connection of these bounds, which is not made yet."""


@dataclass(frozen=True)
class UnixWay:
    """A Unix socket, of which the kernel tells who connects.

    `agent_state`: of an slb-agent that asks slbd, the directory of its state.
    """

    path: str
    agent_state: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """Which agent asks, if it is one."""
        return {AGENT: quote(self.agent_state[:_STATE_LONGEST])} if self.agent_state else {}

    def connection(self, timeout_s: float, max_octets: int) -> HTTPConnection:
        """Return a connection of these bounds, which is not made yet."""
        return _UnixConnection(self.path, timeout_s, max_octets)

    def __str__(self) -> str:
        return self.path


class _UnixConnection(HTTPConnection):
    def __init__(self, path: str, timeout_s: float, max_octets: int) -> None:
        super().__init__("slbd", timeout=timeout_s)
        self._path = path
        self._seconds = timeout_s
        self._max_octets = max_octets

    def connect(self) -> None:
        """Connect to the path instead of to a host."""
        made = Bounded(AF_UNIX, SOCK_STREAM)
        made.bound(self._seconds, self._max_octets)
        self.sock = made
        self.sock.connect(self._path)


def exchange(
    where: str | Way,
    method: str,
    target: str,
    body: bytes | None,
    timeout_s: float,
    max_answer: int = MAX_ANSWER,
) -> Answer:
    """Send one request to a Unix socket or by another way, and read its answer within `timeout_s`.

    Raises TimeoutError; OSError, http.client.HTTPException and ValueError for everything else.
    """
    headers = {"Connection": "close"} | ({"Content-Type": "application/json"} if body else {})
    way = UnixWay(where) if isinstance(where, str) else where
    connection = way.connection(timeout_s, MAX_HEADERS + max_answer)
    with closing(connection):
        connection.request(method, target, body, headers | way.headers)
        with connection.getresponse() as answer:
            # Asked for more than the bound, since a length that was only announced costs no memory.
            text = answer.read(max_answer + 1)
            if len(text) > max_answer:
                raise TooLong("the answer has no end")
            return Answer(answer.status, answer.headers.get_content_type(), text)


def lines(
    where: str | Way, target: str, silence_s: float, begun: Callable[[], None]
) -> Iterator[bytes]:
    """Ask for a stream, and yield its lines as they come, until it ends.

    `begun` is called when it is there, before the first line. Raises as exchange() does,
    TimeoutError when nothing has come for `silence_s`, and NoStream.
    """
    way = UnixWay(where) if isinstance(where, str) else where
    connection = way.connection(silence_s, MAX_HEADERS + MAX_LINE)
    with closing(connection):
        connection.request("GET", target, headers={"Connection": "close"} | way.headers)
        # The connection forgets it when the header says that nothing follows the answer.
        channel: Any = connection.sock
        with connection.getresponse() as answer:
            if answer.status != HTTPStatus.OK:
                kind = answer.headers.get_content_type()
                raise NoStream(Answer(answer.status, kind, answer.read(MAX_LINE)))
            begun()
            while line := answer.readline(MAX_LINE):
                yield line
                channel.bound(silence_s, MAX_HEADERS + MAX_LINE)
