# SPDX-License-Identifier: BSD-3-Clause
"""Asking BIRD through birdc: one subprocess a command, bounded in time and in size."""

import asyncio
import contextlib
import os
import shutil
import signal
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from pathlib import Path

from ospf.bird_reply import Reply, parse
from slb.errors import OspfError

TIMEOUT_S = 3.0
# 4,096 prefixes make a reply of 300 KB.
REPLY_MAX = 16 << 20
_CHUNK = 1 << 16


class Birdc:
    """Sends commands to the BIRD that listens at a control socket."""

    def __init__(
        self, control_socket: Path, program: str = "birdc", timeout_s: float = TIMEOUT_S
    ) -> None:
        """Remember whom to ask; nothing is started yet."""
        self.control_socket = control_socket
        self._program = program
        self._timeout_s = timeout_s

    async def read(self, command: str) -> Reply:
        """Ask something that changes nothing; raises OspfError."""
        return await self._ask(command, "-r")

    async def run(self, command: str) -> Reply:
        """Make BIRD do something; raises OspfError."""
        return await self._ask(command)

    async def _ask(self, command: str, *options: str) -> Reply:
        words = [find(self._program), "-v", *options, "-s", str(self.control_socket), command]
        try:
            status, output = await _output(words, self._timeout_s)
        except TimeoutError:
            message = f"birdc: no answer to '{command}' within {self._timeout_s:g} s"
            raise OspfError(message) from None
        except OSError as error:
            raise OspfError(f"birdc: {error.strerror or error}") from None
        reply = parse(output)
        if status != 0:
            raise OspfError(f"birdc: '{command}' ended with status {status}")
        return reply


def find(program: str, package: str = "bird2") -> str:
    """Locate a program, also where a plain user's PATH does not look; raises OspfError."""
    path = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
    found = shutil.which(program, path=path)
    if found is None:
        raise OspfError(f"{program} is not installed; it comes with the package {package}")
    return found


async def _output(words: list[str], timeout_s: float) -> tuple[int, bytes]:
    process = await _start(words)
    try:
        async with asyncio.timeout(timeout_s):
            output = await _drain(process)
            return await process.wait(), output
    finally:
        await _end(process)


async def _start(words: list[str]) -> Process:
    # Neither timed nor cancelled: asyncio loses a process whose creation is broken off, with its
    # pipe, and waits until nobody holds that.
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *words, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, start_new_session=True
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with contextlib.suppress(OSError):
            await _end(await starting)
        raise


async def _drain(process: Process) -> bytes:
    assert process.stdout is not None
    output = bytearray()
    while chunk := await process.stdout.read(_CHUNK):
        output += chunk
        if len(output) > REPLY_MAX:
            raise OspfError(f"birdc: the reply is longer than {REPLY_MAX >> 20} MiB")
    return bytes(output)


async def _end(process: Process) -> None:
    # The whole group: a child that holds the pipe would go on.
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    # wait() does not return while a pipe holds what nobody reads, and asyncio has no public way to
    # give that up.
    process._transport.close()  # type: ignore[attr-defined]
    await process.wait()
