# SPDX-License-Identifier: BSD-3-Clause
"""Ending a BIRD that has outlived the slbd which started it."""

import contextlib
import os
import select
import signal
from logging import getLogger
from pathlib import Path

log = getLogger(__name__)


def end_leftover(pid_file: Path, config: Path, timeout_s: float) -> None:
    """End the process that `pid_file` names, if `config` is among its arguments; blocks."""
    try:
        pid = int(pid_file.read_text())
        handle = os.pidfd_open(pid)
    except (OSError, ValueError, OverflowError):
        return
    try:
        # Looked at with the handle open, so that the pid cannot pass to another in between.
        if _has_argument(pid, os.fsencode(config)):
            log.warning("ending a BIRD of an earlier run, pid %d", pid)
            _end(handle, timeout_s)
    finally:
        os.close(handle)


def _has_argument(pid: int, word: bytes) -> bool:
    try:
        return word in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


def _end(handle: int, timeout_s: float) -> None:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, number)
        if poll.poll(timeout_s * 1000):
            return
