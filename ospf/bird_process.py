# SPDX-License-Identifier: BSD-3-Clause
"""A BIRD of our own: a child process with its own directory, which holds

bird.conf, bird.ctl (the control socket), bird.pid, bird.log and bird.log.1,
bird.err (what BIRD says before it can log).
"""

import asyncio
import contextlib
import os
import signal
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Iterable
from logging import getLogger

from ospf.bird_conf import managed
from ospf.bird_reply import UP, clean
from ospf.birdc import Birdc, find
from ospf.config_file import ConfigFile
from ospf.leftover import end_leftover
from ospf.model import Family, Network, Phase, Setup
from slb.errors import OspfError

READY_S = 10.0
STOP_S = 5.0
RESTART_S = 1.0
_POLL_S = 0.05
# sun_path holds 108 bytes with the closing NUL.
_SOCKET_PATH_MAX = 107
_FILES = ("bird.conf", "bird.ctl", "bird.pid", "bird.log", "bird.log.1", "bird.err")

log = getLogger(__name__)


class ManagedBird:
    """Starts BIRD, starts it again when it dies, stops it and removes its files."""

    def __init__(self, setup: Setup) -> None:
        """Choose the paths; nothing is touched yet."""
        self._setup = setup
        self._directory = setup.runtime_dir
        self.file = ConfigFile(self._directory / "bird.conf", secret=True)
        self.birdc = Birdc(self._directory / "bird.ctl")
        self._process: Process | None = None
        self._started = 0.0

    def use(self, setup: Setup) -> None:
        """Write other settings from now on; the directory stays."""
        self._setup = setup

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.returncode is None

    def text(
        self,
        families: Iterable[Family],
        prefixes: Iterable[Network],
        phase: Phase = Phase.USUAL,
    ) -> str:
        """The file's text that speaks these families for these prefixes; raises OspfError."""
        log_file = self._directory / "bird.log"
        return managed(self._setup, families, prefixes, log_file, phase)

    async def start(self, families: Iterable[Family]) -> None:
        """End what an aborted run has left, then start; raises OspfError and leaves nothing."""
        socket = self.birdc.control_socket
        if len(os.fsencode(socket)) > _SOCKET_PATH_MAX:
            raise OspfError(f"{socket}: too long a path for a socket; use a shorter directory")
        text = self.text(families, ())
        pid_file = self._directory / "bird.pid"
        await asyncio.to_thread(end_leftover, pid_file, self.file.path, STOP_S)
        try:
            await self._spawn(text)
        except BaseException:
            await self.stop()
            raise

    async def pause(self, seconds: float) -> None:
        """Wait for its death, `seconds` at most; once dead, for the time of the next start."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), seconds)
        if not self.running:
            await asyncio.sleep(max(0.0, self._started + RESTART_S - time.monotonic()))

    async def revive(self, text: str, restarting: bool = False) -> None:
        """Start it again, with this configuration, if it has died; raises OspfError."""
        if not self.running:
            log.warning("BIRD has ended, starting it again")
            # Only for neighbours that wait: BIRD would wait for them in vain.
            await self._spawn(text, *(["-R"] if restarting else []))

    async def stop(self) -> None:
        """End it and remove its files."""
        if self._process is not None:
            await _end(self._process)
            self._process = None
        for name in _FILES:
            with contextlib.suppress(OSError):
                (self._directory / name).unlink()
        with contextlib.suppress(OSError):
            self._directory.rmdir()

    async def _spawn(self, text: str, *more: str) -> None:
        self._started = time.monotonic()
        words = [*self._words(), *more]
        try:
            self._directory.mkdir(mode=0o755, parents=True, exist_ok=True)
            self.file.write(text)
            with (self._directory / "bird.err").open("wb") as errors:
                self._process = await asyncio.create_subprocess_exec(
                    *words, stdin=DEVNULL, stdout=errors, stderr=errors, start_new_session=True
                )
        except OSError as error:
            message = f"cannot start BIRD in {self._directory}: {error.strerror}"
            raise OspfError(message) from None
        await self._wait_until_ready(self._process)

    def _words(self) -> list[str]:
        # When slbd is killed no BIRD is left that announces what nobody forwards. The signal comes
        # when the thread that started BIRD ends: the event loop's.
        guard = [find("setpriv", "util-linux"), "--pdeathsig", "TERM", "--"]
        paths = {"-c": "bird.conf", "-s": "bird.ctl", "-P": "bird.pid"}
        options = [w for flag, name in paths.items() for w in (flag, str(self._directory / name))]
        return [*guard, find("bird"), "-f", *options]

    async def _wait_until_ready(self, process: Process) -> None:
        try:
            async with asyncio.timeout(READY_S):
                while not await self._answers():
                    if process.returncode is not None:
                        raise OspfError(f"BIRD ended at once: {self._last_words()}")
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            await _end(process)
            raise OspfError(f"BIRD was not ready within {READY_S:g} s") from None

    async def _answers(self) -> bool:
        with contextlib.suppress(OspfError):
            return bool((await self.birdc.read("show status")).rows(UP))
        return False

    def _last_words(self) -> str:
        with contextlib.suppress(OSError):
            text = (self._directory / "bird.err").read_text(errors="replace").strip()
            if text:
                return clean(text.splitlines()[-1])
        return "it said nothing"


async def _end(process: Process) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), STOP_S)
