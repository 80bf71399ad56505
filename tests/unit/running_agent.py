# SPDX-License-Identifier: BSD-3-Clause
"""slb-agent in a thread of the test, on a real socket and a real directory."""

import asyncio
import threading
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType

from slb.agent.agent import Settings, start
from slb.agent.secure import Secure
from slb.api.client import Client

PATIENCE_S = 10.0
FIRST = "10.96.0.1:80/tcp"


class RunningAgent:
    """`with RunningAgent(folder, slbd) as agent`: serves until the block ends."""

    def __init__(
        self,
        folder: Path,
        slbd: Path,
        history: int = 20,
        check_programs: str = "",
        config: str = "",
    ) -> None:
        self.socket = folder / "agent.sock"
        self.state = folder / "state"
        self.client = Client(str(self.socket), 20)
        self.secure: Secure | None = None
        self._settings = Settings(
            str(self.state),
            str(self.socket),
            slbd=str(slbd),
            history=history,
            check_programs=check_programs,
            config=config,
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._failure: BaseException | None = None

    def __enter__(self) -> "RunningAgent":
        self._thread.start()
        assert self._ready.wait(10), "the agent did not start"
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End it, unless that is done."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(10)
            assert not self._thread.is_alive(), "the agent did not stop"

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._run())

    async def _run(self) -> None:
        async with AsyncExitStack() as stack:
            try:
                _, self.secure = await start(self._settings, stack)
            except Exception as error:
                self._failure = error
                self._ready.set()
                return
            self._ready.set()
            await self._stop.wait()


def at_rest(agent: RunningAgent) -> bool:
    """Tell whether slbd has the desired state."""
    return agent.client.status().slbd == "applied"
