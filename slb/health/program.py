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

Running = subprocess.Popen[bytes]


def none(target: Target) -> Waiting:
    """Stand where no directory was given, as after a start without; raises NoResult."""
    raise NoResult("slb-agent was given no directory of programs (--check-programs)")
    yield  # It is a generator all the same.


def runner(directory: Path) -> Probe:
    """Return the check by programs of a directory."""
    # Killed, but not gone yet.
    left: dict[Target, Running] = {}

    def run(target: Target) -> Waiting:
        check = target.check
        assert isinstance(check, CommandCheck)
        if before := left.get(target):
            # One at a time, so that those that cannot be killed do not pile up.
            yield from _end(before)
            before.poll()
            left.pop(target, None)
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
            yield from _end(process)
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            if (status := process.poll()) is None:
                left[target] = process
                _reap_later(left, target)
        if status:
            raise Bad(f"{check.program} ended with {_words(status)}")

    return run


def _reap_later(left: dict[Target, Running], target: Target) -> None:
    """Not here: what hangs in the kernel would have all other checks wait as well."""

    def reap() -> None:
        process.wait()
        # By now the next may have taken too long as well.
        if left.get(target) is process:
            left.pop(target, None)

    process = left[target]
    # Without a thread the next check of the target reaps it.
    with suppress(RuntimeError):
        threading.Thread(target=reap, name="slb-reap", daemon=True).start()


def _end(process: Running) -> Waiting:
    """Wait for the end of one, whoever reaps it."""
    try:
        pidfd = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    try:
        yield pidfd, READ
    finally:
        os.close(pidfd)


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
