# SPDX-License-Identifier: BSD-3-Clause
"""A daemon around an engine in memory, in a namespace."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterable
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from unit.memory_engine import MemoryEngine, port_view
from unit.threaded_client import Client
from unit.until import until

from ospf.model import OspfStatus, Setup
from slb.config.loader import load
from slb.daemon.daemon import Daemon
from slb.engine.protocol import Engine
from slb.errors import NotReady, Unreachable
from slb.model.config import Config

Ip = Callable[[str], str]
MAC = "02:00:00:00:00:aa"
FILE = """\
ports:
  - name: lan0
    device: "net_tap0,iface=lan0"
    addresses: [192.0.2.2/24]
    routes: [{{to: 10.0.0.0/8, via: 192.0.2.1}}]
    local_addresses: [198.18.0.1]
service_subnets: [10.96.0.0/16]
api: {{socket: {folder}/slbd.sock}}
services:
  - vs: 10.96.0.10:80/tcp
    rs: [{{rs: "10.10.0.1:8080"}}]
"""


class Life:
    """A daemon, its file, its engine, and what a test does while it lives."""

    def __init__(self, folder: Path, ip: Ip) -> None:
        self.file = folder / "slb.yaml"
        self.socket = str(folder / "slbd.sock")
        self.folder = folder
        self.engine = MemoryEngine()
        self.engine.ports = [port_view("lan0", MAC)]
        self.ip = ip
        self.write(FILE.format(folder=folder))

    def write(self, text: str) -> None:
        """Write the configuration."""
        self.file.write_text(text)

    def edit(self, old: str, new: str) -> None:
        """Change the configuration."""
        text = self.file.read_text()
        assert old in text
        self.write(text.replace(old, new))

    def open(self, _: Config) -> Engine:
        """Start the engine in memory: its kernel interface appears."""
        self.ip("link add slb0 type veth peer name peer")
        self.ip("link set peer up")
        return self.engine

    def live(
        self,
        scenario: Callable[[Client], Awaitable[None]],
        opener: Callable[[Config], Engine] | None = None,
    ) -> None:
        """Run the daemon; when it answers run the scenario, then SIGTERM."""

        async def run() -> None:
            # With the CPUs that a reload will find too.
            config = load(str(self.file))
            daemon = Daemon(str(self.file), config, opener or self.open)
            running = asyncio.create_task(daemon.run())
            try:
                client = Client(self.socket)
                await answers(client, running)
                await scenario(client)
            finally:
                if not running.done():
                    os.kill(os.getpid(), signal.SIGTERM)
                await running

        asyncio.run(run())

    def left(self) -> list[str]:
        """What is left in the folder besides the file."""
        return [path.name for path in self.folder.iterdir() if path != self.file]


async def answers(client: Client, running: "asyncio.Task[None]") -> None:
    """Wait until the daemon is ready, or has ended."""

    async def ready() -> bool:
        if running.done():
            return True
        try:
            await client.version()
        except (Unreachable, NotReady):
            return False
        return True

    await until(ready, "the daemon answers")
    if running.done():
        await running


def said(caplog: pytest.LogCaptureFixture, text: str) -> Callable[[], Awaitable[bool]]:
    """A condition: the log has this."""

    async def condition() -> bool:
        return text in caplog.text

    return condition


async def reload(caplog: pytest.LogCaptureFixture, text: str) -> None:
    """SIGHUP, and wait until the log has a line with `text`."""
    caplog.clear()
    os.kill(os.getpid(), signal.SIGHUP)
    await until(said(caplog, text), text)


class Recorder:
    """Stands in for the announcer: writes down what it is told, in one list with the engine."""

    calls: list[str]

    def __init__(self, setup: Setup) -> None:
        self.setup = setup

    async def start(self) -> None:
        self.calls.append("start")

    async def set_prefixes(self, prefixes: Iterable[IPv4Network]) -> None:
        self.calls.append(" ".join(sorted(map(str, prefixes))))

    async def withdraw(self, reason: str) -> None:
        self.calls.append(f"withdraw: {reason}")

    async def resume(self) -> None:
        self.calls.append("resume")

    async def use(self, setup: Setup) -> None:
        self.calls.append(f"cost {setup.ospf.cost}, {' '.join(setup.secrets.values())}")

    async def status(self) -> OspfStatus:
        return OspfStatus("managed", True, "192.0.2.2", (), (), None, {}, None)

    async def drain(self, seconds: float) -> None:
        self.calls.append(f"drain: {seconds}")

    async def stop(self) -> None:
        self.calls.append("stop")
