# SPDX-License-Identifier: BSD-3-Clause
"""metrics.address: /metrics over TCP, for whoever connects and however they behave."""

import asyncio
import contextlib
import re
import threading
from collections.abc import Awaitable, Callable
from ipaddress import ip_address

import pytest
from unit.memory_engine import MemoryEngine
from unit.test_api_routes import backend
from unit.test_config_loader import good, problems
from unit.until import until

from slb.api import metrics_listener
from slb.api.backend import Backend, Gate
from slb.api.metrics_listener import MAX_CONNECTIONS, MetricsListener, bind
from slb.errors import ConfigError
from slb.model.endpoint import Endpoint
from slb.model.views import DropView

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Served:
    """A listener on a port of the kernel's choice."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.gate = Gate()
        self.gate.open(backend(MemoryEngine()))
        self.address = address
        self._open: list[asyncio.StreamWriter] = []

    def run(self, scenario: Callable[[], Awaitable[None]]) -> None:
        """Serve while the scenario runs."""
        asyncio.run(self._run(scenario))

    async def _run(self, scenario: Callable[[], Awaitable[None]]) -> None:
        bound = bind(Endpoint(ip_address(self.address), 0))
        self.port: int = bound.getsockname()[1]
        listener = MetricsListener(self.gate)
        try:
            await listener.start(bound)
            await scenario()
        finally:
            for writer in self._open:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
            await listener.stop()
            bound.close()

    async def connect(self) -> Streams:
        """Open a connection."""
        reader, writer = await asyncio.open_connection(self.address, self.port)
        self._open.append(writer)
        return reader, writer

    async def ask(self, line: str, headers: str = "") -> bytes:
        """Send a request of one line and headers, and read until the listener closes."""
        reader, writer = await self.connect()
        writer.write(f"{line} HTTP/1.1\r\nHost: slbd\r\n{headers}\r\n".encode())
        async with asyncio.timeout(10):
            return await reader.read()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_metrics_and_nothing_else(address: str) -> None:
    """GET and HEAD of /metrics, one a connection; no other route and no other method."""
    served = Served(address)

    async def scenario() -> None:
        answer = await served.ask("GET /metrics")
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\nslb_generation 0.0\n" in answer
        head = await served.ask("HEAD /metrics")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert head.endswith(b"\r\n\r\n")
        assert b" 404 " in await served.ask("GET /v1/vs")
        assert b" 405 " in await served.ask("POST /metrics")
        assert b" 400 " in await served.ask("GET /metrics?name=x")
        assert b" 400 " in await served.ask("GET /metrics", f"X-Long: {'x' * 5000}\r\n")
        served.gate.shut("slbd is stopping")
        assert b" 503 " in await served.ask("GET /metrics")

    served.run(scenario)


def test_connections_are_few() -> None:
    """One more than there may be is closed unanswered; when others have gone it is served."""
    served = Served()

    async def scenario() -> None:
        idle = [await served.connect() for _ in range(MAX_CONNECTIONS)]
        assert await served.ask("GET /metrics") == b""
        for _, writer in idle:
            writer.close()

        async def answered() -> bool:
            with contextlib.suppress(ConnectionError):
                return b" 200 " in await served.ask("GET /metrics")
            return False

        await until(answered, "there is room again")

    served.run(scenario)


def test_connections_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that asks for nothing, or never ends its request, is cut off."""
    monkeypatch.setattr(metrics_listener, "LIFE_S", 0.2)
    monkeypatch.setattr(metrics_listener, "LOOK_S", 0.05)
    served = Served()

    async def scenario() -> None:
        for begun in (b"", b"GET /metrics HTTP/1.1\r\nHost:"):
            reader, writer = await served.connect()
            writer.write(begun)
            async with asyncio.timeout(10):
                with contextlib.suppress(ConnectionError):
                    assert await reader.read() == b""

    served.run(scenario)


class Counting(Gate):
    """Counts who has come through."""

    came = 0

    def backend(self) -> Backend:
        """Let one more through."""
        self.came += 1
        return super().backend()


class Held(MemoryEngine):
    """Answers when it is let go on; counts how often it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.go_on = threading.Event()

    def drop_list(self) -> list[DropView]:
        self.asked += 1
        assert self.go_on.wait(10)
        return super().drop_list()


def test_scrapes_at_one_time_are_one() -> None:
    """Who asks while a scrape is under way gets its text, and the engine is asked once."""
    served, engine = Served(), Held()
    served.gate = gate = Counting()
    gate.open(backend(engine))

    async def scenario() -> None:
        asking = asyncio.gather(*(served.ask("GET /metrics") for _ in range(8)))

        async def all_there() -> bool:
            return gate.came == 8

        await until(all_there, "all have asked")
        engine.go_on.set()
        assert all(b" 200 " in answer for answer in await asking)

    served.run(scenario)
    assert engine.asked == 1


def test_an_address_that_cannot_be_had() -> None:
    """The sentence names the key, the address and what to do."""
    with contextlib.closing(bind(Endpoint(ip_address("127.0.0.1"), 0))) as taken:
        address = Endpoint(ip_address("127.0.0.1"), taken.getsockname()[1])
        with pytest.raises(ConfigError) as error:
            bind(address)
    expected = rf"metrics.address {address}: cannot be listened on: .* in use; write an address"
    assert re.match(expected, str(error.value))


def test_configuration() -> None:
    """No address but the one that is written, and no name."""
    assert good().metrics.address is None
    assert str(good('metrics: {address: "0.0.0.0:9345"}\n').metrics.address) == "0.0.0.0:9345"
    assert str(good('metrics: {address: "[::1]:9345"}\n').metrics.address) == "[::1]:9345"
    for wrong in ("localhost:9345", ":9345", "9345", "127.0.0.1:0"):
        text = f'ports: []\nmetrics: {{address: "{wrong}"}}\n'
        assert any("metrics.address" in line for line in problems(text)), wrong
