# SPDX-License-Identifier: BSD-3-Clause
"""The life of slbd: start, serve, reload, stop.

Starting goes from the socket to the announcement, stopping the other way round: routes are
withdrawn while everything still forwards, then new sessions are refused, then the engine stops.
Packets pass through the engine's own threads; nothing here is on their way.
"""

import asyncio
import contextlib
import logging
import math
import os
import signal
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from ospf.announce import WITHDRAW_LSA_S
from slb.api.backend import Backend, Gate
from slb.api.metrics_listener import MetricsListener, bind
from slb.api.server import Server, make_app
from slb.api.socket_file import SocketFile
from slb.config import check_services
from slb.config.loader import load
from slb.daemon import ports, reload
from slb.daemon.announce import Announce
from slb.daemon.heartbeat import Heartbeat
from slb.daemon.links import Links
from slb.daemon.restarts import STEADY_S, Restarts
from slb.engine.protocol import Engine
from slb.errors import ConfigError, EngineError, NotReady, SlbError
from slb.kernel.mirror import Mirror
from slb.kernel.netlink import Netlink
from slb.metrics.facts import DONE, FAILED, REFUSED, Facts
from slb.model.config import Config
from slb.notify import Notify
from slb.steering.proof import Proof
from slb.steering.watch import Watch
from slb.tables.apply import Tables
from slb.tables.laddrs import Laddrs, Places, configured
from slb.tables.workers import Workers

log = logging.getLogger(__name__)

THREADS = 32
EVENTS_S = 0.05
BEAT_S = 0.25
LEAVING_S = 1.0
LINKS_S = 0.25
# As the unit's TimeoutStopSec, which is for a stop without OSPF.
STOP_S = 30
# OSPF is given this long to spread the route to a local address before replies are sent there.
LEAD_S = 2.0
BEAT_TIMEOUT_S = 2.0
DRAIN_S = 1.0
DRAIN_POLL_S = 0.05


@dataclass
class Parts:
    """What runs between start and stop."""

    engine: Engine
    tables: Tables
    laddrs: Laddrs
    workers: Workers
    netlink: Netlink
    mirror: Mirror
    announce: Announce
    steering: Watch
    proof: Proof
    socket: SocketFile
    gate: Gate
    facts: Facts


class Daemon:
    """One life; `opener` starts the engine, in a thread, and raises EngineError."""

    def __init__(self, path: str, config: Config, opener: Callable[[Config], Engine]) -> None:
        self._path = path
        self._config = config
        self._opener = opener
        self._notify = Notify(os.environ)
        self._restarts = Restarts(os.environ)
        # This thread's own affinity changes when busy workers get their CPUs.
        self._cpus = os.sched_getaffinity(0)
        self._stop = asyncio.Event()
        self._hangup = asyncio.Event()
        # Held while the kernel interfaces change.
        self._ports = asyncio.Lock()
        # Of its own, so that whoever has all the others wait does not look like workers that do.
        self._beat = ThreadPoolExecutor(1, thread_name_prefix="slbd-beat")

    async def run(self) -> None:
        """Live until SIGTERM or SIGINT; raises SlbError when the start fails."""
        # Before any thread starts: devices send these for packets, and they are for the engine's.
        signal.pthread_sigmask(signal.SIG_BLOCK, range(signal.SIGRTMIN, signal.SIGRTMAX + 1))
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="slbd"))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._hangup.set)
        if await self._back_off():
            async with AsyncExitStack() as stack:
                parts = await self._unless_stopped(self._start(stack))
                if parts is not None:
                    await self._serve(parts)
        self._restarts.forget()

    async def _back_off(self) -> bool:
        """Wait as long as it takes after starts that came to nothing; False: stopped meanwhile.

        Raises ConfigError: one that was wrong before has been told of without a wait.
        """
        if seconds := self._restarts.begin():
            text = f"waiting {seconds} s, since {self._restarts.failed} starts came to nothing"
            log.warning("%s", text)
            self._notify.status(text)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), seconds)
            self._notify.status("starting")
            if not self._stop.is_set():
                # What kept it from starting may have been mended in the file meanwhile.
                self._config = await asyncio.to_thread(load, self._path, self._cpus)
        return not self._stop.is_set()

    async def _unless_stopped(self, start: Coroutine[Any, Any, Parts]) -> Parts | None:
        starting = asyncio.create_task(start)
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not starting.done():
            log.info("stopping before the start is complete")
            starting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            return await starting
        return None

    async def _start(self, stack: AsyncExitStack) -> Parts:
        config = self._config
        socket = SocketFile(config.api.socket, int(config.api.mode, 8), config.api.group)
        stack.callback(socket.close)
        gate = Gate()
        server = Server(make_app(gate))
        stack.push_async_callback(server.stop)
        await server.start(socket.socket)
        await _serve_metrics(config, gate, stack)
        engine = await self._open_engine(stack)
        _leave_busy_cpus(config)
        netlink = Netlink()
        stack.push_async_callback(netlink.close)
        await ports.set_up(config, engine, netlink)
        parts = _parts(config, engine, netlink, socket, gate)
        parts.laddrs.moved = lambda found: self._laddrs_moved(parts, found)
        parts.laddrs.in_file = lambda: configured(self._config)
        await parts.mirror.sync()
        await parts.tables.apply(config.services)
        parts.tables.given = parts.announce.services_given
        stack.push_async_callback(parts.announce.stop)
        await parts.announce.start()
        gate.open(
            Backend(
                engine,
                parts.tables,
                parts.laddrs,
                parts.workers,
                parts.steering,
                parts.announce.view,
                parts.announce.restart,
                parts.facts,
            )
        )
        stack.callback(gate.shut, "slbd is stopping")
        return parts

    async def _open_engine(self, stack: AsyncExitStack) -> Engine:
        opening = asyncio.ensure_future(asyncio.to_thread(self._opener, self._config))
        cancelled = False
        while not opening.done():
            try:
                # Shielded: EAL's start cannot be broken off, so a stop waits for its end.
                await asyncio.shield(opening)
            except asyncio.CancelledError:
                cancelled = True
        engine = opening.result()
        stack.push_async_callback(asyncio.to_thread, engine.close)
        if cancelled:
            raise asyncio.CancelledError
        return engine

    async def _serve(self, parts: Parts) -> None:
        workers = parts.engine.worker_list()
        log.info(
            "ready, %d workers, %d ports, socket %s, %d MB for sessions",
            self._config.engine.workers,
            len(self._config.ports),
            self._config.api.socket,
            math.ceil(sum(row.session_bytes for row in workers) / 2**20),
        )
        self._notify.ready("forwarding")
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(parts.mirror.run()),
                group.create_task(parts.announce.run()),
                group.create_task(self._events(parts)),
                group.create_task(self._heartbeat(parts)),
                group.create_task(parts.proof.run()),
                group.create_task(_leaving(parts.laddrs, parts.workers)),
                group.create_task(self._reloads(parts)),
                group.create_task(_links(self._config, parts.engine)),
                group.create_task(self._steady()),
            ]
            await self._stop.wait()
            self._notify.stopping(_stop_s(self._config))
            await _wind_down(parts)
            for task in tasks:
                task.cancel()

    async def _steady(self) -> None:
        await asyncio.sleep(STEADY_S)
        self._restarts.forget()

    async def _events(self, parts: Parts) -> None:
        while True:
            if wanted := await asyncio.to_thread(parts.engine.poll_events):
                await parts.mirror.resolve(wanted)
            await asyncio.sleep(EVENTS_S)

    async def _heartbeat(self, parts: Parts) -> None:
        heartbeat = Heartbeat()
        withheld = ""
        # Neighbours may take long to acknowledge a withdrawal. It is no sign of death.
        telling: asyncio.Task[None] | None = None
        while True:
            reason = await _ailing(parts.engine, heartbeat, self._beat)
            if self._stop.is_set():
                return
            if not reason:
                self._notify.alive()
            if telling and telling.done():
                telling.result()
                telling = None
            if not telling and bool(reason) != bool(withheld):
                withheld = reason
                telling = asyncio.create_task(self._tell(parts, reason))
            await asyncio.sleep(BEAT_S)

    async def _tell(self, parts: Parts, reason: str) -> None:
        if reason:
            log.error("%s; withdrawing the announcements", reason)
            self._notify.status(reason)
            await parts.announce.withdraw(reason)
        else:
            log.info("all workers run again")
            self._notify.status("forwarding")
            await parts.announce.resume()

    async def _reloads(self, parts: Parts) -> None:
        while True:
            await self._hangup.wait()
            self._hangup.clear()
            self._notify.reloading()
            status, result, trouble = "forwarding", DONE, ""
            try:
                await self._reload(parts)
            except ConfigError as error:
                for line in error.problems:
                    log.error("%s", line)
                log.error("reload refused, nothing has changed")
                result, trouble = REFUSED, error.problems[0]
                status += f"; reload refused: {trouble}"
            except SlbError as error:
                log.error("reload failed: %s", error)
                result, trouble = FAILED, str(error)
                status += f"; reload failed: {trouble}"
            parts.facts.reloaded(result, trouble)
            self._notify.ready(status)

    async def _reload(self, parts: Parts) -> None:
        old = self._config
        read = await asyncio.to_thread(load, self._path, self._cpus)
        for field in reload.needs_restart(old, read):
            log.warning("%s: needs a restart", field)
        new = reload.effective(old, read)
        # What is in place is what the next reload compares with, whatever comes then.
        if not (services_first := reload.loses_family(old, new)):
            await self._change_laddrs(parts, new)
        plan = await _change_services(parts.tables, old, new)
        self._config = reload.either(self._config, new)
        if services_first:
            await self._change_laddrs(parts, new)
        async with self._ports:
            there = parts.laddrs.there
            was, now = reload.with_laddrs(self._config, there), reload.with_laddrs(new, there)
            await ports.change(was, now, parts.netlink)
            self._config = new
        parts.facts.rs_max = new.metrics.rs_max
        parts.mirror.static = ports.static_view(new)
        parts.mirror.touch()
        await parts.announce.reload(now)
        _set_mode(parts.socket, new)
        await self._change_workers(parts, read)
        log.info("reloaded %s, %d changes to VS and RS", self._path, plan)

    async def _change_workers(self, parts: Parts, new: Config) -> None:
        engine, count = self._config.engine, new.engine.workers
        if count != engine.workers and reload.workers_may_change(self._config, new):
            await parts.workers.set(count)
            self._config = replace(self._config, engine=replace(engine, workers=count))

    async def _change_laddrs(self, parts: Parts, new: Config) -> None:
        parts.laddrs.subnets = new.service_subnets
        for line in await parts.laddrs.merge(self._config, new):
            log.info("%s", line)
        self._config = reload.with_laddrs_of(self._config, new)

    async def _laddrs_moved(self, parts: Parts, found: Places) -> None:
        """Have kernel interfaces and OSPF follow; an address is hidden while the kernel has it."""
        async with self._ports:
            before, after = parts.laddrs.there, found
            parts.tables.local = frozenset(after)
            parts.mirror.hidden = frozenset(before) | frozenset(after)
            was, now = (reload.with_laddrs(self._config, places) for places in (before, after))
            await ports.change(was, now, parts.netlink)
            parts.announce.config = now
            parts.announce.touch()
            await parts.mirror.sync()
            parts.mirror.hidden = frozenset(after)


def _parts(
    config: Config, engine: Engine, netlink: Netlink, socket: SocketFile, gate: Gate
) -> Parts:
    local = frozenset(configured(config))
    tables = Tables(engine, config.service_subnets, local)
    names = [port.name for port in config.ports]
    laddrs = Laddrs(engine, names, config.service_subnets, configured(config))
    laddrs.lead_s = LEAD_S if config.ospf.mode != "off" else 0.0
    announce = Announce(config, tables)
    tables.changed = announce.touch
    mirror = Mirror(engine, netlink, ports.names(config), local, ports.static_view(config))
    steering = Watch(engine, {port.name: port.misdirected_pps for port in config.ports})
    workers = Workers(engine, config.drain.workers_s)
    proof = Proof(steering)
    laddrs.prove = proof.wait
    facts = Facts(config.engine.vs_max, config.engine.rs_max, config.metrics.rs_max)
    return Parts(
        engine,
        tables,
        laddrs,
        workers,
        netlink,
        mirror,
        announce,
        steering,
        proof,
        socket,
        gate,
        facts,
    )


async def _serve_metrics(config: Config, gate: Gate, stack: AsyncExitStack) -> None:
    """Listen on metrics.address, if there is one."""
    if config.metrics.address is None:
        return
    bound = bind(config.metrics.address)
    stack.callback(bound.close)
    listener = MetricsListener(gate)
    stack.push_async_callback(listener.stop)
    await listener.start(bound)


async def _leaving(laddrs: Laddrs, workers: Workers) -> None:
    while True:
        with contextlib.suppress(EngineError, NotReady):
            await laddrs.look()
            await workers.look()
        await asyncio.sleep(LEAVING_S)


async def _links(config: Config, engine: Engine) -> None:
    """Watch the members of bonds; what DPDK does when a link fails is done by then."""
    links = Links()
    while any(port.members for port in config.ports):
        with contextlib.suppress(EngineError, NotReady):
            rows = await asyncio.to_thread(engine.port_list)
            seen = links.look(rows)
            for well, sentence in seen.sentences:
                log.log(logging.INFO if well else logging.WARNING, "%s", sentence)
            ports.announce([row for row in rows if row.name in seen.moved])
        await asyncio.sleep(LINKS_S)


def _set_mode(socket: SocketFile, config: Config) -> None:
    try:
        socket.set_mode(int(config.api.mode, 8))
    except OSError as error:
        text = "api.socket %s: %s; slbctl finds slbd again after a restart"
        log.error(text, config.api.socket, error.strerror)


async def _change_services(tables: Tables, old: Config, new: Config) -> int:
    tables.subnets = new.service_subnets
    try:
        plan = (await tables.merge(old.services, new.services)).plan
    except SlbError:
        tables.subnets = old.service_subnets
        raise
    for line in plan:
        log.info("%s", line)
    for service in await tables.services():
        if reason := check_services.misplaced(service.vs, new.service_subnets):
            log.warning("%s; it stays until slbctl deletes it", reason)
    return len(plan)


async def _ailing(engine: Engine, heartbeat: Heartbeat, thread: Executor) -> str:
    """Say what is wrong with the workers, nothing when they live."""
    reading = asyncio.get_running_loop().run_in_executor(thread, engine.worker_list)
    for _ in range(2):
        # Twice: when Python itself stood still, the time is over while the answer is there.
        await asyncio.wait([reading], timeout=BEAT_TIMEOUT_S)
        if reading.done():
            break
    else:
        return "the engine does not answer"
    still = heartbeat.still(reading.result(), time.monotonic())
    return f"worker {', '.join(map(str, still))} stands still" if still else ""


def _stop_s(config: Config) -> int:
    """How long a stop takes at most: neighbours drain, and acknowledge that each prefix is gone."""
    ospf = config.ospf
    if ospf.mode == "off":
        return STOP_S
    prefixes = config.engine.vs_max if ospf.announce == "vips" else len(config.service_subnets)
    return STOP_S + ospf.drain_s + math.ceil(prefixes * WITHDRAW_LSA_S)


async def _wind_down(parts: Parts) -> None:
    log.info("stopping")
    await parts.announce.drain()
    await parts.announce.withdraw("slbd is stopping")
    with contextlib.suppress(EngineError):
        await asyncio.to_thread(parts.engine.quiesce)
    deadline = time.monotonic() + DRAIN_S
    while time.monotonic() < deadline:
        workers = parts.engine.worker_list()
        if not sum(worker.sessions_active for worker in workers):
            break
        await asyncio.sleep(DRAIN_POLL_S)
    parts.gate.shut("slbd is stopping")


def _leave_busy_cpus(config: Config) -> None:
    """Keep Python, and the processes it starts, off the CPUs that busy-polling workers own."""
    engine = config.engine
    cpus = enumerate(engine.cpus.workers)
    busy = {cpu for worker, cpu in cpus if engine.idle.of_worker(worker) == "busy"}
    free = os.sched_getaffinity(0) - busy
    if busy and free:
        os.sched_setaffinity(0, free)
