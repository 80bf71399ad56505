# SPDX-License-Identifier: BSD-3-Clause
"""Checks that share a connection: how long, and what comes of servers that close it."""

import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from unit.health_servers import (
    OK,
    PATIENCE_S,
    checked,
    checking,
    chunked,
    health_of_grpc,
    serving,
)

from rig.waiting import wait
from slb.model.health import Check, GrpcCheck, HttpCheck

FAST = {"interval_s": 0.3, "timeout_s": 0.3, "rise": 1, "fall": 1}
KEPT = HttpCheck(reuse_s=60, **FAST)
NEEDED = 8


class Pages:
    """A server of HTTP that counts; it ends a connection after `most` answers, by `last` if any."""

    def __init__(self, text: bytes = OK, most: int = 1_000_000, last: bytes = b"") -> None:
        self.connections = 0
        self.requests: list[bytes] = []
        self._text = text
        self._most = most
        self._last = last

    def __call__(self, connection: socket.socket) -> None:
        """Answer over one connection."""
        self.connections += 1
        for _ in range(self._most):
            if not (request := connection.recv(4096)):
                return
            self.requests.append(request)
            connection.sendall(self._text)
        if self._last:
            # Once it has idled; and until the client has done with it, as a close would race.
            select.select([connection], [], [], 0.03)
            connection.sendall(self._last)
            connection.recv(1)


def seen(pages: Pages, check: Check = KEPT) -> tuple[int, int]:
    """How many connections so many checks took, of which none may fail, and how many did."""
    with serving(pages) as port:
        result = checked(check, port, lambda result: sum(result.counts) >= NEEDED)
    return pages.connections, result.counts.bad + result.counts.no_result


@pytest.mark.parametrize(
    ("check", "text"),
    [
        ({}, OK),
        ({}, chunked(b"a", b"b")),
        ({"body": "ok"}, OK),
        ({"body": "ab"}, chunked(b"a", b"b")),
        ({"method": "HEAD"}, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
        ({"status": (204,)}, b"HTTP/1.1 204 None\r\n\r\n"),
    ],
)
def test_one_connection_serves_many_checks(check: dict[str, object], text: bytes) -> None:
    pages = Pages(text)
    assert seen(pages, HttpCheck(reuse_s=60, **check, **FAST)) == (1, 0)
    assert b"Connection:" not in pages.requests[0]


@pytest.mark.parametrize(
    "text",
    [
        # It ends with the connection, or the server says that it will, or more has come than asked.
        b"HTTP/1.1 200 OK\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
        OK + OK,
        OK + b"x",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nok",
    ],
)
def test_answers_after_which_nothing_can_be_kept(text: bytes) -> None:
    pages = Pages(text) if b"Length" in text else Pages(text, most=1)
    connections, bad = seen(pages)
    assert connections >= NEEDED and bad == 0


def test_each_has_its_own_unless_asked() -> None:
    pages = Pages()
    connections, bad = seen(pages, HttpCheck(**FAST))
    assert connections >= NEEDED and bad == 0
    assert b"Connection: close\r\n" in pages.requests[0]


@pytest.mark.parametrize("last", [b"", b"HTTP/1.1 408 Request Timeout\r\n\r\n"])
def test_a_server_that_closes_idle_connections(last: bytes) -> None:
    """Though it said nothing of it before; no check fails for that."""
    connections, bad = seen(Pages(most=2, last=last))
    assert connections >= NEEDED // 2 and bad == 0


def test_a_server_that_closes_when_asked_again() -> None:
    """It has taken the request when it closes: the check goes on with a new connection."""
    connections = 0

    def answer(connection: socket.socket) -> None:
        nonlocal connections
        connections += 1
        connection.recv(4096)
        connection.sendall(OK)
        connection.recv(4096)

    with serving(answer) as port:
        result = checked(KEPT, port, lambda result: sum(result.counts) >= NEEDED)
    assert connections >= NEEDED and result.counts.bad == 0


def test_a_server_that_ends_in_the_middle_of_an_answer() -> None:
    """That is a failure, over a kept connection too."""
    answers = iter([OK, b"HTTP/1.1 2"])

    def answer(connection: socket.socket) -> None:
        for text in answers:
            connection.recv(4096)
            connection.sendall(text)

    with serving(answer) as port:
        result = checked(KEPT, port, lambda result: result.counts.bad)
    assert (result.counts.good, result.reason) == (1, "no HTTP answer")


def test_a_server_that_hangs() -> None:
    """The connection is there, the answer is not; and the next one has a connection of its own."""
    pages, quiet = Pages(most=1), threading.Event()

    def answer(connection: socket.socket) -> None:
        pages(connection)
        quiet.wait(PATIENCE_S)

    with serving(answer) as port:
        result = checked(KEPT, port, lambda result: result.state == "down")
        assert result.reason == "no answer within 0.3 s"
        quiet.set()


@contextmanager
def deaf_to_new(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that takes one connection and no other."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            connection, _ = server.accept()
            server.close()
            with connection, suppress(OSError):
                answer(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(5)


def test_a_server_that_takes_no_new_connections_is_found_out() -> None:
    """After reuse_s at most."""
    with deaf_to_new(Pages()) as port, checking(HttpCheck(reuse_s=0.6, **FAST), port) as result:
        down = wait(
            lambda: (r := result()) and r.state == "down" and r, PATIENCE_S, "it is found out"
        )
    assert down.reason == "connection refused"
    assert down.counts.good > 1


@pytest.mark.parametrize("most", [1_000_000, 2])
def test_grpc_over_one_connection(most: int) -> None:
    """Also with a server that goes away now and then."""
    asked: list[bytes] = []
    connections = 0
    say = health_of_grpc(asked, most=most)

    def answer(connection: socket.socket) -> None:
        nonlocal connections
        connections += 1
        say(connection)

    with serving(answer) as port:
        check = GrpcCheck(reuse_s=60, **FAST)
        result = checked(check, port, lambda result: sum(result.counts) >= NEEDED)
    assert result.counts.bad == 0 and len(asked) >= NEEDED
    assert connections == 1 if most > NEEDED else connections >= NEEDED // 2


@pytest.mark.parametrize("kept", [0, 60])
def test_grpc_that_never_ends(kept: int) -> None:
    """What goes on without an answer is cut off, and nobody else waits for it."""
    settings = bytes(3) + b"\x04" + bytes(5)
    ping = b"\0\0\x08\x06" + bytes(5) + bytes(8)

    def answer(connection: socket.socket) -> None:
        connection.sendall(settings)
        while True:
            connection.sendall(ping * 1000)

    with serving(answer) as port:
        result = checked(
            GrpcCheck(reuse_s=kept, interval_s=5, timeout_s=5, rise=1, fall=1),
            port,
            lambda result: result.state == "down",
        )
    assert result.reason == "an answer without end"
