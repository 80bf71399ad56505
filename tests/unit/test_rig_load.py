# SPDX-License-Identifier: BSD-3-Clause
"""The rig's load: a connection that never was open is told apart from one that ended early."""

import asyncio
import itertools
import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from rig.load import Load, Outcome, Target, http_task

LOCAL = "127.0.0.1"


def one_request(target: Target) -> Outcome:
    """What comes of one connection with one request."""
    return Load(1, 1).run(http_task(target, 1, LOCAL, itertools.repeat(0)))


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """A socket that listens."""
    with socket.create_server((LOCAL, 0)) as server:
        server.settimeout(5)
        yield server


def test_a_refused_connection_never_was_open(server: socket.socket) -> None:
    target = server.getsockname()
    server.close()
    outcome = one_request(target)
    assert outcome.unopened == outcome.failures
    assert len(outcome.failures) == len(outcome.lost) == 1


def test_one_that_is_reset_at_once_was_open(server: socket.socket) -> None:
    def reset() -> None:
        accepted, _ = server.accept()
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        accepted.close()

    ending = threading.Thread(target=reset)
    ending.start()
    outcome = one_request(server.getsockname())
    ending.join()
    assert outcome.unopened == []
    assert len(outcome.failures) == len(outcome.lost) == 1


def test_one_that_was_reset_before_we_looked_was_open(monkeypatch: pytest.MonkeyPatch) -> None:
    async def late(*_: object, **__: object) -> None:
        raise ConnectionResetError("Connect call failed")

    monkeypatch.setattr(asyncio, "open_connection", late)
    outcome = one_request((LOCAL, 9))
    assert outcome.unopened == []
    assert outcome.failures == ["ConnectionResetError: Connect call failed"]
