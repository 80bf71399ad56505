# SPDX-License-Identifier: BSD-3-Clause
"""The life of slb-agent: take the state's directory and the socket, serve, watch slbd, stop.

It may end at any moment: packets do not pass through it, and slbd keeps what it has.
"""

import asyncio
import logging
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from slb.agent.desired import Desired
from slb.agent.forward import Forward
from slb.agent.health import Health
from slb.agent.routes import add_routes
from slb.agent.store import KEEP, Store
from slb.agent.watch import Watch
from slb.api.client import SOCKET, Client
from slb.api.server import Server, bare_app
from slb.api.socket_file import Owner, SocketFile
from slb.health.kinds import PROBES
from slb.health.program import runner
from slb.model.desired import AGENT_SOCKET
from slb.notify import Notify

log = logging.getLogger(__name__)

STATE = "/var/lib/slb"
THREADS = 32
LOOK_TIMEOUT_S = 2.0


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


async def live(settings: Settings) -> None:
    """Live until SIGTERM or SIGINT; raises SlbError when the start fails."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="slb-agent"))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    notify = Notify(os.environ)
    async with AsyncExitStack() as stack:
        watching = await start(settings, stack)
        log.info("ready, socket %s, state %s", settings.socket, settings.state)
        notify.ready("serving")
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({watching, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        notify.stopping()
        if watching.done():
            watching.result()


async def start(settings: Settings, stack: AsyncExitStack) -> asyncio.Task[None]:
    """Serve and watch; `stack` ends both. Raises ConfigError."""
    store = Store(Path(settings.state), settings.history)
    stack.callback(store.close)
    programs = settings.check_programs
    desired = Desired(store, Client(settings.slbd), programs=bool(programs))
    owner = Owner("slb-agent", "--socket", "--group")
    socket = SocketFile(settings.socket, int(settings.mode, 8), settings.group, owner)
    stack.callback(socket.close)
    app = bare_app("slb-agent")
    probes = {**PROBES, "command": runner(Path(programs))} if programs else PROBES
    health = Health(desired, probes)
    add_routes(app, desired, Forward(settings.slbd), health)
    server = Server(app)
    stack.push_async_callback(server.stop)
    await server.start(socket.socket)
    watching = asyncio.create_task(Watch(desired, Client(settings.slbd, LOOK_TIMEOUT_S)).run())
    stack.callback(watching.cancel)
    stack.callback(health.stop)
    stack.callback(asyncio.create_task(health.run()).cancel)
    return watching
