# SPDX-License-Identifier: BSD-3-Clause
"""One HTTP request over a Unix socket, with nothing but the standard library: it loads quickly.

Whoever answers is not trusted: neither the time nor the octets that an answer takes are his to
choose, wherever in the answer he would spend them.
"""

import time
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from socket import AF_UNIX, SOCK_STREAM, socket
from typing import Any

MAX_ANSWER = 512 << 20  # more than a full table of RS takes
MAX_HEADERS = 1 << 20


class TooLong(ValueError):
    """The answer has more octets than any that slbd gives."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    content_type: str
    body: bytes


class _BoundedSocket(socket):
    """A socket that is read from until a deadline, and so much of it."""

    def __init__(self, timeout_s: float, max_octets: int) -> None:
        super().__init__(AF_UNIX, SOCK_STREAM)
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


class _UnixConnection(HTTPConnection):
    def __init__(self, path: str, timeout_s: float, max_octets: int) -> None:
        super().__init__("slbd", timeout=timeout_s)
        self._path = path
        self._seconds = timeout_s
        self._max_octets = max_octets

    def connect(self) -> None:
        """Connect to the path instead of to a host."""
        self.sock = _BoundedSocket(self._seconds, self._max_octets)
        self.sock.connect(self._path)


def exchange(
    path: str,
    method: str,
    target: str,
    body: bytes | None,
    timeout_s: float,
    max_answer: int = MAX_ANSWER,
) -> Answer:
    """Send one request and read its answer, within `timeout_s` in all.

    Raises TimeoutError; OSError, http.client.HTTPException and ValueError for everything else.
    """
    headers = {"Connection": "close"} | ({"Content-Type": "application/json"} if body else {})
    connection = _UnixConnection(path, timeout_s, MAX_HEADERS + max_answer)
    with closing(connection):
        connection.request(method, target, body, headers)
        with connection.getresponse() as answer:
            # Asked for more than the bound, since a length that was only announced costs no memory.
            text = answer.read(max_answer + 1)
            if len(text) > max_answer:
                raise TooLong("the answer has no end")
            return Answer(answer.status, answer.headers.get_content_type(), text)
