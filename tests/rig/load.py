# SPDX-License-Identifier: BSD-3-Clause
"""Client load from one process: many HTTP connections or UDP requests, and what came back."""

import asyncio
import contextlib
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from rig import dns
from rig.netns import Namespace

Target = tuple[str, int]
_GIVE_UP_S = 10.0


@dataclass
class Lost:
    """A request that failed: when its connection was begun, when it failed, and why."""

    begun: float
    failed: float
    why: str
    opened: bool = False  # its connection was


@dataclass
class Outcome:
    """What a load has seen: answers by the name in them, failures, the slowest answer.

    `newest` has for each name when the last connection that it answered on was begun; `connections`
    counts those begun.
    """

    answers: Counter[str] = field(default_factory=Counter)
    lost: list[Lost] = field(default_factory=list)
    slowest_s: float = 0.0
    newest: dict[str, float] = field(default_factory=dict)
    connections: int = 0

    @property
    def answered(self) -> int:
        """How many requests were answered."""
        return self.answers.total()

    @property
    def failures(self) -> list[str]:
        """In words."""
        return [lost.why for lost in self.lost]

    @property
    def unopened(self) -> list[str]:
        """Failures of those whose connection never was open."""
        return [lost.why for lost in self.lost if not lost.opened]

    def shares(self) -> str:
        """The answers in words: `pod1a 250, pod1b 250`."""
        return ", ".join(f"{name} {count}" for name, count in sorted(self.answers.items()))


class Load:
    """Requests made by `width` tasks until `total` are done or, without a total, until `stop`."""

    def __init__(self, width: int, total: int | None) -> None:
        """Prepare a load; `run` executes it."""
        self.outcome = Outcome()
        self._width = width
        self._numbers = iter(range(total)) if total is not None else itertools.count()
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Begin no more requests."""
        self._stopped.set()

    def next_number(self) -> int | None:
        """The number of the next request, None when there is none to make."""
        return None if self._stopped.is_set() else next(self._numbers, None)

    def run(self, task: Callable[["Load"], Coroutine[Any, Any, None]]) -> Outcome:
        """Run `width` copies of `task` to their end."""

        async def tasks() -> None:
            await asyncio.gather(*(task(self) for _ in range(self._width)))

        asyncio.run(tasks())
        return self.outcome

    async def attempt(self, request: Coroutine[Any, Any, str], connected: float) -> bool:
        """Await one request and note its answer or failure; tells whether it was answered."""
        begun = time.monotonic()
        try:
            async with asyncio.timeout(_GIVE_UP_S):
                name = await request
        except (OSError, EOFError, ValueError) as error:
            why = f"{type(error).__name__}: {error}"
            self.outcome.lost.append(Lost(connected, time.monotonic(), why))
            return False
        self.outcome.answers[name] += 1
        self.outcome.newest[name] = max(self.outcome.newest.get(name, 0), connected)
        self.outcome.slowest_s = max(self.outcome.slowest_s, time.monotonic() - begun)
        return True


class BackgroundLoad:
    """A load that runs in a namespace while a test does something else; a context manager."""

    def __init__(
        self,
        namespace: Namespace,
        load: Load,
        task: Callable[[Load], Coroutine[Any, Any, None]],
    ) -> None:
        """Start it."""
        self._load = load
        self._done: Future[Outcome] = namespace.start(lambda: load.run(task))

    def __enter__(self) -> "BackgroundLoad":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def outcome(self) -> Outcome:
        """What it has seen so far."""
        return self._load.outcome

    def stop(self) -> Outcome:
        """Let the requests under way end; returns everything seen."""
        self._load.stop()
        return self._done.result(timeout=2 * _GIVE_UP_S)


def http_task(
    target: Target, per_connection: int, source: str, ports: Iterator[int], pause_s: float = 0.0
) -> Callable[[Load], Coroutine[Any, Any, None]]:
    """A task that makes HTTP requests, `per_connection` on each, and pauses after each answer.

    Every connection takes the next of `ports`; 0 leaves the choice to the kernel.
    """

    async def task(load: Load) -> None:
        number = load.next_number()
        while number is not None:
            async with _Connection(target, (source, next(ports))) as connection:
                load.outcome.connections += 1
                for left in range(per_connection - 1, -1, -1):
                    request = connection.get(last=left == 0)
                    answered = await load.attempt(request, connection.begun)
                    if not answered:
                        load.outcome.lost[-1].opened = connection.opened
                    await asyncio.sleep(pause_s)
                    number = load.next_number()
                    if number is None or not answered:
                        break

    return task


def dns_task(
    target: Target, source: str, ports: Iterator[int], pause_s: float = 0.0
) -> Callable[[Load], Coroutine[Any, Any, None]]:
    """A task that asks for TXT records, every time from the next of `ports`.

    Ports that the kernel chooses repeat, and a port used again within a session's idle time is the
    same session, which no scheduler gets to see.
    """

    async def task(load: Load) -> None:
        while (number := load.next_number()) is not None:
            request = _ask(target, (source, next(ports)), number & 0xFFFF)
            await load.attempt(request, time.monotonic())
            await asyncio.sleep(pause_s)

    return task


class _Connection:
    """One HTTP/1.1 connection, opened by the first request."""

    def __init__(self, target: Target, local: Target) -> None:
        self.begun = time.monotonic()
        self.opened = False
        self._target = target
        self._local = local
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> "_Connection":
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._streams is not None:
            self._streams[1].close()
            with contextlib.suppress(OSError):
                await self._streams[1].wait_closed()

    async def get(self, last: bool) -> str:
        """The Server-Name of the answer; raises OSError, EOFError, ValueError."""
        reader, writer = self._streams or await self._open()
        close = "Connection: close\r\n" if last else ""
        writer.write(f"GET / HTTP/1.1\r\nHost: {self._target[0]}\r\n{close}\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        if " 200 " not in head[0]:
            raise ValueError(head[0])
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        await reader.readexactly(int(headers["content-length"]))
        return headers["server-name"]

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            self._streams = await asyncio.open_connection(*self._target, local_addr=self._local)
        except ConnectionResetError:
            # Open for a moment, before we could look: else the kernel says that it was refused.
            self.opened = True
            raise
        self.opened = True
        return self._streams


class _Answer(asyncio.DatagramProtocol):
    """The first datagram, or the error, that a request gets."""

    def __init__(self) -> None:
        self.packet: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, _addr: Any) -> None:
        if not self.packet.done():
            self.packet.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.packet.done():
            self.packet.set_exception(exc)


async def _ask(target: Target, local: Target, number: int) -> str:
    loop = asyncio.get_running_loop()
    transport, answer = await loop.create_datagram_endpoint(
        _Answer, local_addr=local, remote_addr=target
    )
    try:
        transport.sendto(dns.query(number, "who.example"))
        return dns.text(await answer.packet, number)
    finally:
        transport.close()
