# SPDX-License-Identifier: BSD-3-Clause
"""Connections to a Unix socket that ask nothing: none stays for ever, and none keeps others out."""

import asyncio
import logging
import socket
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest
from unit.agent_values import service
from unit.memory_engine import MemoryEngine
from unit.running_agent import PATIENCE_S, RunningAgent
from unit.test_api_routes import VS, backend
from unit.threaded_client import Client

from rig.waiting import wait
from slb.api.backend import Gate
from slb.api.server import Server, make_app
from slb.api.socket_file import SocketFile
from slb.errors import Unreachable
from slb.model.service import Service

pytest_plugins = ["unit.daemon_fixture", "unit.agent_fixture"]

UNFINISHED = [b"", b"GET /v1/vs HTTP/1.1\r\nHost: slbd\r\nX-More:"]
WHOLE = b"GET /v1/vs HTTP/1.1\r\nHost: slbd\r\n\r\n"


class Served:
    """slbd's application on a socket, with a few connections at most."""

    def __init__(self, folder: Path, connections: int = 3) -> None:
        self.engine = MemoryEngine()
        self.path = str(folder / "slbd.sock")
        self._connections = connections
        self._open: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> "Served":
        gate = Gate()
        gate.open(backend(self.engine))
        self._server = Server(make_app(gate), self._connections)
        self._socket = SocketFile(self.path, 0o600)
        await self._server.start(self._socket.socket)
        return self

    async def __aexit__(self, *error: object) -> None:
        for writer in self._open:
            writer.close()
        await self._server.stop()
        self._socket.close()

    async def connect(self, begun: bytes = b"") -> asyncio.StreamReader:
        """Open a connection, and send something."""
        reader, writer = await asyncio.open_unix_connection(self.path)
        self._open.append(writer)
        writer.write(begun)
        await writer.drain()
        return reader


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """What idles ends soon."""
    monkeypatch.setattr("slb.api.idle.LOOK_S", 0.05)
    monkeypatch.setattr("slb.api.server.IDLE_S", 0.3)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("begun", [*UNFINISHED, WHOLE])
def test_a_connection_without_a_request_ends(tmp_path: Path, begun: bytes) -> None:
    """Also behind the answer to the last one."""

    async def scenario() -> None:
        async with Served(tmp_path) as served, asyncio.timeout(PATIENCE_S):
            answer = await (await served.connect(begun)).read()
            assert answer.startswith(b"HTTP/1.1 200") == (begun == WHOLE)

    asyncio.run(scenario())


@pytest.mark.usefixtures("hasty")
def test_a_request_that_takes_long_is_answered(tmp_path: Path) -> None:
    async def scenario() -> None:
        go_on = threading.Event()
        async with Served(tmp_path) as served, asyncio.timeout(PATIENCE_S):
            served.engine.before_commit = lambda: assert_(go_on.wait(PATIENCE_S))
            adding = asyncio.create_task(Client(served.path).vs_add(Service(VS)))
            # Of the same age, and gone: so the other one had to go as well if it counted as idle.
            assert await (await served.connect()).read() == b""
            go_on.set()
            assert (await adding).generation

    asyncio.run(scenario())


def assert_(true: bool) -> None:
    assert true


@pytest.mark.parametrize("begun", UNFINISHED)
def test_who_only_connects_keeps_nobody_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, begun: bytes
) -> None:
    """What has idled longest makes room."""
    monkeypatch.setattr("slb.api.idle.LOOK_S", 0.02)

    async def scenario() -> None:
        async with Served(tmp_path) as served, asyncio.timeout(PATIENCE_S):
            first = await served.connect(begun)
            others = [await served.connect(begun) for _ in range(2)]
            while True:
                try:
                    assert await Client(served.path).vs_list() == []
                    break
                except Unreachable as refused:
                    # None is known to idle until the server has looked.
                    assert "do too many ask?" in str(refused)
            assert await first.read() == b""
            assert not any(one.at_eof() for one in others)

    with caplog.at_level(logging.WARNING):
        asyncio.run(scenario())
    assert caplog.text.count("3 connections are open; one ends for each that comes") == 1


def test_one_too_many_is_refused(tmp_path: Path) -> None:
    """Where all have a request under way."""

    async def scenario() -> None:
        begun, go_on = threading.Event(), threading.Event()

        def hold() -> None:
            begun.set()
            assert go_on.wait(PATIENCE_S)

        async with Served(tmp_path, 1) as served:
            served.engine.before_commit = hold
            adding = asyncio.create_task(Client(served.path).vs_add(Service(VS)))
            assert await asyncio.to_thread(begun.wait, PATIENCE_S)
            with pytest.raises(Unreachable, match="it ended the connection; is slbd stopping, or"):
                await Client(served.path).vs_list()
            go_on.set()
            assert (await adding).generation

    asyncio.run(scenario())


@pytest.mark.usefixtures("hasty")
def test_of_the_agent_too_and_streams_stay(agent: RunningAgent) -> None:
    """A reader of events, to whom nothing happens, outlives who idles."""
    found: list[str] = []

    def read() -> None:
        for event in agent.client.events():
            found.append(event.kind)
            if event.kind == "changed":
                return

    reading = threading.Thread(target=read, daemon=True)
    reading.start()
    with ExitStack() as stack:
        for begun in UNFINISHED:
            idle = stack.enter_context(socket.socket(socket.AF_UNIX))
            idle.settimeout(PATIENCE_S)
            idle.connect(str(agent.socket))
            idle.sendall(begun)
            assert idle.recv(1) == b"", "it is closed by the agent"
    agent.client.vs_add(service(2))
    reading.join(PATIENCE_S)
    wait(lambda: "changed" in found, PATIENCE_S, "the event")
