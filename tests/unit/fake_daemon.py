# SPDX-License-Identifier: BSD-3-Clause
"""A daemon for tests: the API's own routes on a real socket, over an engine in memory."""

import asyncio
import threading
from ipaddress import IPv4Network
from pathlib import Path
from types import TracebackType

from aiohttp import web
from aiohttp.typedefs import Handler
from msgspec.structs import replace
from unit import fake_answers
from unit.fake_engine import FakeEngine

from slb.api.backend import Backend, Gate
from slb.api.server import make_app
from slb.model.policy import Scheduler
from slb.model.views import OspfView
from slb.steering.watch import Watch
from slb.tables.apply import Tables
from slb.tables.laddrs import Laddrs
from slb.tables.workers import Workers


class FakeDaemon:
    """`with FakeDaemon(path) as daemon`: a thread that serves until the block ends."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.engine = FakeEngine()
        self.ospf = fake_answers.OSPF
        self.requests: list[str] = []
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.hold: threading.Event | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._ready = threading.Event()
        self._stop = asyncio.Event()

    def __enter__(self) -> "FakeDaemon":
        self._thread.start()
        assert self._ready.wait(10), "the fake daemon did not start"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.hold is not None:
            self.hold.set()
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive(), "the fake daemon did not stop"

    @property
    def services(self) -> dict[str, tuple[str, dict[str, int]]]:
        """What the engine has: VS to its scheduler and the weights of its RS."""
        return self.engine.services()

    def add(self, vs: str, scheduler: Scheduler = "rr", **weights: int) -> None:
        """Puts a VS there; its RS are 10.10.0.N:8080, written `rN=weight`."""
        real_servers = {f"10.10.0.{name[1:]}:8080": weight for name, weight in weights.items()}
        self.engine.add(vs, scheduler, real_servers)

    def answer(self, path: str, body: bytes, status: int = 200) -> None:
        """From now on `path` is answered with exactly this."""
        self.answers[path] = (status, body)

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._run())

    async def _run(self) -> None:
        gate = Gate()
        tables = Tables(self.engine, [IPv4Network("10.96.0.0/16")])
        laddrs = Laddrs(self.engine, ["lan0"], [IPv4Network("10.96.0.0/16")])
        watch = Watch(self.engine, {"lan0": 1})
        for second in (0.0, 0.5):
            watch.look(second)
        workers = Workers(self.engine)
        gate.open(
            Backend(self.engine, tables, laddrs, workers, watch, self._ospf, self._ospf_restart)
        )
        app = make_app(gate)
        app.middlewares.insert(0, self._around)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.UnixSite(runner, str(self.socket)).start()
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()

    async def _ospf(self) -> OspfView:
        return self.ospf

    async def _ospf_restart(self) -> OspfView:
        self.ospf = replace(self.ospf, restarting=True)
        return self.ospf

    @web.middleware
    async def _around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.raw_path}")
        if self.hold is not None:
            await asyncio.to_thread(self.hold.wait, 30)
        given = self.answers.get(request.path.removeprefix("/v1/"))
        if given is None:
            return await handler(request)
        return web.Response(status=given[0], body=given[1], content_type="application/json")
