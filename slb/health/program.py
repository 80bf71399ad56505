# SPDX-License-Identifier: BSD-3-Clause
"""Checks by a program of the operator's, run without a shell, whose exit status is the result."""

import os
import signal
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

from slb.health.probe import READ, Bad, NoResult, Probe, Waiting
from slb.health.target import Target
from slb.model.health import CommandCheck

PATH = "/usr/local/bin:/usr/bin:/bin"


def none(target: Target) -> Waiting:
    """Stand where no directory was given, as after a start without; raises NoResult."""
    raise NoResult("slb-agent was given no directory of programs (--check-programs)")
    yield  # It is a generator all the same.


def runner(directory: Path) -> Probe:
    """Return the check by programs of a directory."""
    # Whose program was killed and has not ended. Usually that takes a moment; of one that waits for
    # a disk or a file server it may take for ever, and all checks are made by one thread.
    dying: set[Target] = set()

    def reap(process: subprocess.Popen[bytes], target: Target) -> None:
        process.wait()
        dying.discard(target)

    def run(target: Target) -> Waiting:
        check = target.check
        assert isinstance(check, CommandCheck)
        if target in dying:
            raise NoResult(f"{check.program}, which was late, has not ended though it was killed")
        words = [str(directory / check.program), *check.arguments]
        try:
            # A group of its own, so that what it has started goes with it.
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_environment(target),
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            # That it cannot be started says nothing about the RS.
            raise NoResult(f"{words[0]}: {error.strerror}") from None
        try:
            pidfd = os.pidfd_open(process.pid)
            try:
                yield pidfd, READ
            finally:
                os.close(pidfd)
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            if process.poll() is None:
                dying.add(target)
                threading.Thread(target=reap, args=(process, target), daemon=True).start()
        if status := process.returncode:
            raise Bad(f"{check.program} ended with {_words(status)}")

    return run


def _environment(target: Target) -> dict[str, str]:
    return {
        "PATH": PATH,
        "LANG": "C.UTF-8",
        "SLB_VS": str(target.vs),
        "SLB_RS_ADDRESS": str(target.at.address),
        "SLB_RS_PORT": str(target.at.port),
    }


def _words(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"status {status}"
