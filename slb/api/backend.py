# SPDX-License-Identifier: BSD-3-Clause
"""What the handlers work on; the daemon fills it in once the engine runs."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from slb.engine.protocol import Engine
from slb.errors import NotReady
from slb.metrics.facts import Facts
from slb.model.views import OspfView
from slb.steering.watch import Watch
from slb.tables.apply import Tables
from slb.tables.laddrs import Laddrs
from slb.tables.workers import Workers

# Lists of everything that are made at once: each keeps Python, and the admin core, from the rest.
LISTINGS = 4

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Backend:
    """The engine, the tables over it, how it steers, the state of OSPF; what else is counted."""

    engine: Engine
    tables: Tables
    laddrs: Laddrs
    workers: Workers
    steering: Watch
    ospf: Callable[[], Awaitable[OspfView]]
    ospf_restart: Callable[[], Awaitable[OspfView]]
    facts: Facts = field(default_factory=Facts)
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LISTINGS))

    async def read(self, call: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
        """Read something long from the engine in a thread; so many at a time, others wait."""
        async with self.turns:
            return await asyncio.to_thread(call, *args, **options)


class Gate:
    """Hands out the backend while there is one; the reason why there is none is the answer else."""

    def __init__(self) -> None:
        # Tells this start from every other one, whatever pid they had.
        self.instance = uuid.uuid4().hex
        self._started = time.monotonic()
        self._backend: Backend | None = None
        self._reason = "slbd is starting"

    @property
    def uptime_s(self) -> float:
        """How long this start has lived."""
        return time.monotonic() - self._started

    def open(self, backend: Backend) -> None:
        """Let requests through."""
        self._backend = backend

    def shut(self, reason: str) -> None:
        """Turn requests away from now on."""
        self._backend, self._reason = None, reason

    def backend(self) -> Backend:
        """Return the backend; raises NotReady."""
        if self._backend is None:
            raise NotReady(self._reason)
        return self._backend
