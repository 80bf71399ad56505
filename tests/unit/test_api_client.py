# SPDX-License-Identifier: BSD-3-Clause
"""Answers that slbd never gives: the client bounds them, and says in a sentence what was wrong."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path

import pytest

from slb.api.client import Client
from slb.api.unix_http import TooLong, exchange
from slb.errors import NoAnswer, RequestError, Unreachable

OK = b"HTTP/1.1 200 OK\r\n"
JSON = OK + b"Content-Type: application/json\r\n"
LIST = b'{"items":[]}'
BOUND = 10_000


@contextmanager
def answering(path: Path, says: Callable[[], Iterator[bytes]], apart_s: float = 0) -> Iterator[str]:
    """Somebody at the socket who takes one request and says this, piece by piece."""
    stop = threading.Event()

    def talk() -> None:
        peer, _ = server.accept()
        with peer:
            peer.recv(65536)
            try:
                for piece in says():
                    peer.sendall(piece)
                    if stop.wait(apart_s) and apart_s:
                        break
            except OSError:
                return

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        yield str(path)
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


def once(*pieces: bytes) -> Callable[[], Iterator[bytes]]:
    """These pieces, then the end."""
    return lambda: iter(pieces)


def forever(first: bytes, then: bytes) -> Callable[[], Iterator[bytes]]:
    """A beginning, and then the same without end."""

    def pieces() -> Iterator[bytes]:
        yield first
        yield from repeat(then)

    return pieces


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where somebody listens."""
    return tmp_path / "slbd.sock"


@pytest.mark.parametrize(
    "says",
    [
        once(JSON, b"Content-Length: 12\r\n\r\n", LIST),
        once(JSON, b"\r\n", LIST),
        once(JSON, b"Transfer-Encoding: chunked\r\n\r\nc\r\n", LIST, b"\r\n0\r\n\r\n"),
        once(b"HTTP/1.1 100 Continue\r\n\r\n", JSON, b"Content-Length: 12\r\n\r\n", LIST),
        once(OK, b"content-type: application/json; charset=utf-8\r\n\r\n", LIST),
    ],
)
def test_however_http_writes_it(path: Path, says: Callable[[], Iterator[bytes]]) -> None:
    with answering(path, says) as there:
        assert Client(there).vs_list() == []


@pytest.mark.parametrize(
    ("says", "sentence"),
    [
        (once(OK, b"Content-Type: text/html\r\n\r\n<html>"), "it is text/html, not JSON"),
        (once(OK, b"\r\n", LIST), "it is text/plain, not JSON"),
        (once(JSON, b"Content-Length: 99\r\n\r\n", LIST[:-1]), "truncated"),
        (once(JSON, b"Content-Length: 1000000000000000\r\n\r\n", LIST[:-1]), "truncated"),
        (once(JSON, b"Content-Length: -1\r\n\r\n"), "truncated"),
        (once(b"HTTP/1.1 204 No Content\r\nContent-Type: application/json\r\n\r\n"), "truncated"),
        (once(b"HTTP/1.1 302 Found\r\nLocation: http://[::1]/\r\n\r\n"), "not JSON"),
    ],
)
def test_an_unreadable_answer(
    path: Path, says: Callable[[], Iterator[bytes]], sentence: str
) -> None:
    with (
        answering(path, says) as there,
        pytest.raises(RequestError, match="gave an unreadable answer: ") as error,
    ):
        Client(there).vs_list()
    assert type(error.value) is RequestError
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    "says",
    [
        once(),
        once(b"SSH-2.0-OpenSSH_9.2\r\n"),
        once(b"HTTP/1.1 2\xb2 \r\n\r\n"),
        once(OK, b"X: " + b"x" * 100_000),
        once(OK, b"X: 1\r\n" * 1000),
        once(JSON, b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
        once(JSON, b"Transfer-Encoding: chunked\r\n\r\n-5\r\n"),
        forever(b"", b"\xff" * 1000),
    ],
)
def test_something_that_is_no_http(path: Path, says: Callable[[], Iterator[bytes]]) -> None:
    with answering(path, says) as there, pytest.raises(Unreachable, match=f"no slbd at {path}: "):
        Client(there).vs_list()


@pytest.mark.parametrize(
    "says",
    [
        forever(JSON + b"\r\n", b"[" * 1000),
        forever(JSON + b"Content-Length: 1000000000000000\r\n\r\n", b"[" * 1000),
        forever(JSON + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n[\r\n" * 1000),
        forever(JSON + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n", b"[" * 1000),
        forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    ],
)
def test_an_answer_without_end(path: Path, says: Callable[[], Iterator[bytes]]) -> None:
    with answering(path, says) as there, pytest.raises(TooLong):
        exchange(there, "GET", "/v1/vs", None, 30, BOUND)


@pytest.mark.parametrize(
    "says",
    [
        forever(b"", b"H"),
        forever(OK, b"X: 1\r\n"),
        forever(JSON + b"\r\n", b" "),
        forever(JSON + b"Content-Length: 1000000\r\n\r\n", b" "),
    ],
)
def test_a_deadline_is_for_the_whole_answer(
    path: Path, says: Callable[[], Iterator[bytes]]
) -> None:
    began = time.monotonic()
    with (
        answering(path, says, apart_s=0.02) as there,
        pytest.raises(NoAnswer, match=r"did not answer within 0\.3 s"),
    ):
        Client(there, timeout_s=0.3).vs_list()
    assert time.monotonic() - began < 5


def test_nobody_takes_the_connection(path: Path) -> None:
    """A daemon whose queue of connections is full is named as what it is."""
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as waiting:
        server.bind(str(path))
        server.listen(0)
        waiting.connect(str(path))
        with pytest.raises(Unreachable, match="too many wait there already"):
            Client(str(path), timeout_s=1).vs_list()
