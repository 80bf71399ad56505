# SPDX-License-Identifier: BSD-3-Clause
"""The life of slb-agent: take the state's directory and the socket, serve, watch slbd, stop.

It may end at any moment: packets do not pass through it, and slbd keeps what it has.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from aiohttp import web

from slb import __version__
from slb.agent import access, audit
from slb.agent.desired import Desired
from slb.agent.ends import Ends
from slb.agent.events import Events
from slb.agent.forward import Forward
from slb.agent.health import Health, log_event
from slb.agent.links import Links
from slb.agent.local import Local
from slb.agent.metrics import AgentMetrics
from slb.agent.passive import PassiveWatch
from slb.agent.record import Record, count_changes
from slb.agent.routes import add_routes
from slb.agent.secure import Secure
from slb.agent.store import KEEP, Store
from slb.agent.tcp import TcpServer
from slb.agent.watch import Watch
from slb.api.client import SOCKET, Client
from slb.api.server import Server, bare_app
from slb.api.socket_file import Owner, SocketFile
from slb.api.unix_http import UnixWay
from slb.health.kinds import PROBES
from slb.health.program import runner
from slb.model.agent_config import Limits
from slb.model.desired import AGENT_SOCKET, AGENT_STATE
from slb.model.events import Value
from slb.notify import Notify

log = logging.getLogger(__name__)

STATE = AGENT_STATE
THREADS = 32
LOOK_TIMEOUT_S = 2.0
# Less than slbctl waits: it is to hear which of the two does not answer.
FORWARD_S = 25.0


@dataclass(frozen=True)
class Settings:
    """Where everything is."""

    state: str = STATE
    socket: str = AGENT_SOCKET
    mode: str = "0660"
    group: str = ""
    slbd: str = SOCKET
    history: int = KEEP
    check_programs: str = ""
    config: str = ""


async def live(settings: Settings) -> None:
    """Live until SIGTERM or SIGINT; raises SlbError when the start fails."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="slb-agent"))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    notify = Notify(os.environ)
    async with AsyncExitStack() as stack:
        watching, secure = await start(settings, stack)
        loop.add_signal_handler(signal.SIGHUP, secure.reload if secure else _nothing_to_reload)
        log.info("ready, socket %s, state %s", settings.socket, settings.state)
        notify.ready("serving")
        beating = asyncio.create_task(_beat(notify))
        stack.callback(beating.cancel)
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({watching, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        notify.stopping()
        if watching.done():
            watching.result()


async def start(
    settings: Settings, stack: AsyncExitStack
) -> tuple[asyncio.Task[None], Secure | None]:
    """Serve and watch; `stack` ends both. Raises ConfigError."""
    record = Record()
    secure = Secure(settings.config, record) if settings.config else None
    store = Store(Path(settings.state), settings.history)
    stack.callback(store.close)
    events = Events()
    events.emit("started", version=__version__, pid=os.getpid())
    programs = settings.check_programs
    slbd = UnixWay(settings.slbd, settings.state)
    desired = Desired(store, Client(slbd), events, programs=bool(programs))
    probes = {**PROBES, "command": runner(Path(programs))} if programs else PROBES
    ends = Ends(Client(slbd), events)
    tell = partial(_tell, events)
    passive = PassiveWatch(desired, Client(settings.slbd, LOOK_TIMEOUT_S), tell)
    health = Health(desired, ends, passive, probes, tell)
    forward = Forward(settings.slbd, FORWARD_S)
    stack.callback(forward.close)
    cure = "see agent-group.conf, or leave the group out"
    owner = Owner("slb-agent", "--socket", "--group", cure)
    socket = SocketFile(settings.socket, int(settings.mode, 8), settings.group, owner)
    stack.callback(socket.close)
    watch = Watch(desired, Client(slbd, LOOK_TIMEOUT_S))
    # Before anybody is answered, and before anything is taken over.
    await watch.meet()
    metrics = AgentMetrics(desired, health, record, secure)

    app = partial(
        _app, partial(add_routes, desired, forward, health, ends, metrics, secure), record
    )
    local = Local(lambda: secure.config.limits if secure else Limits())
    server = Server(app(local.identify))
    stack.push_async_callback(server.stop)
    await server.start(socket.socket)
    if secure is not None:
        # Who may not read any more finds out when he comes again.
        secure.after_reload.append(lambda: events.end(only_remote=True))
        await _serve_tcp(secure, app(secure.identify), stack)
    # Called before the servers stop: they wait for requests under way.
    stack.callback(events.end)
    watching = asyncio.create_task(watch.run())
    stack.callback(watching.cancel)
    stack.callback(health.stop)
    stack.callback(asyncio.create_task(health.run()).cancel)
    stack.callback(asyncio.create_task(passive.run()).cancel)
    links = Links(Client(settings.slbd, LOOK_TIMEOUT_S), events.emit)
    stack.callback(asyncio.create_task(links.run()).cancel)
    return watching, secure


async def _beat(notify: Notify) -> None:
    # As long as requests are taken up; what takes long does so in threads.
    while notify.beat_s is not None:
        notify.alive()
        await asyncio.sleep(notify.beat_s)


def _nothing_to_reload() -> None:
    log.info("there is no --config to read again")


def _tell(events: Events, kind: str, **fields: Value) -> None:
    log_event(kind, **fields)
    events.emit(kind, **fields)


def _app(
    add: Callable[[web.Application], None], record: Record, identify: access.Identify
) -> web.Application:
    app = bare_app("slb-agent")
    app.middlewares[:0] = [count_changes(record), audit.note]
    app.middlewares.append(access.check_access(identify))
    add(app)
    return app


async def _serve_tcp(secure: Secure, app: web.Application, stack: AsyncExitStack) -> None:
    server = TcpServer(app, secure)
    stack.push_async_callback(server.stop)
    await server.start()
    looking = asyncio.create_task(secure.watch())
    stack.callback(looking.cancel)
    for host, port, *_ in server.addresses:
        log.info("listening on %s port %d, TLS 1.3", host, port)
