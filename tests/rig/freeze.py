# SPDX-License-Identifier: BSD-3-Clause
"""Holding one thread of a process still, as a debugger does, while the others go on."""

import contextlib
import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

from rig.waiting import RigError

_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
_WALL = 0x40000000


def lcore_thread(pid: int, lcore: int) -> int:
    """The thread of one of slbd's cores; raises RigError when there is none."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        name = (task / "comm").read_text().strip()
        if name.endswith(f"worker-{lcore}"):
            return int(task.name)
    raise RigError(f"process {pid} has no thread of lcore {lcore}")


@contextlib.contextmanager
def frozen(thread: int) -> Iterator[None]:
    """Stop a thread until the block ends; needs root, and one thread of ours throughout."""
    _ptrace(_SEIZE, thread)
    try:
        _ptrace(_INTERRUPT, thread)
        os.waitpid(thread, _WALL)
        yield
    finally:
        _ptrace(_DETACH, thread)


def _ptrace(request: int, thread: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(request, thread, None, None) != 0:
        raise OSError(ctypes.get_errno(), f"ptrace: {os.strerror(ctypes.get_errno())}")
