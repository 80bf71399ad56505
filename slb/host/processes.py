# SPDX-License-Identifier: BSD-3-Clause
"""Processes: who has a file open, and who runs a program."""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from slb.host.files import Host, entries, text


@dataclass(frozen=True)
class Process:
    """A process, named as the kernel does."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid})"


def holding(host: Host, names: Collection[str]) -> list[Process]:
    """The processes that have one of these files open, as far as we may look at them."""
    return [
        Process(int(path.name), text(path / "comm"))
        for path in _processes(host)
        if any(opened in names for opened in _open_files(path))
    ]


def running(host: Host, program: str) -> list[Process]:
    """The processes that run a program, itself or as a script of an interpreter's."""
    return [
        Process(int(path.name), program)
        for path in _processes(host)
        if any(os.path.basename(word) == program for word in words(path)[:2])
    ]


def words(path: Path) -> list[str]:
    """A process's command line."""
    return text(path / "cmdline").split("\0")


def _processes(host: Host) -> Iterator[Path]:
    return (path for path in entries(host.proc) if path.name.isdecimal())


def _open_files(path: Path) -> Iterator[str]:
    for link in entries(path / "fd"):
        try:
            yield os.readlink(link)
        except OSError:
            # Closed meanwhile.
            continue
