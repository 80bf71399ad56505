# SPDX-License-Identifier: BSD-3-Clause
"""Hugepages for a measurement, given back afterwards."""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POOL = Path("/sys/kernel/mm/hugepages/hugepages-2048kB")
PAGE_MB = 2
HOST = Path("/proc/meminfo")
# Megabytes that the host did not have when they were asked for, until somebody clears it.
refused: list[int] = []
# Pools that this process has.
_ours: set[Path] = set()
AVAILABLE = re.compile(r"^MemAvailable: +([0-9]+) kB$", re.MULTILINE)


@contextmanager
def hugepages(megabytes: int, pool: Path = POOL) -> Iterator[bool]:
    """Reserve 2 MB pages beside those in use; says whether the host had enough of them.

    One process at a time has them, for one measurement or for several within each other: another
    one waits.
    """
    with _alone(pool):
        yield from _reserved(pool, megabytes)


@contextmanager
def _alone(pool: Path) -> Iterator[None]:
    if pool in _ours:
        yield
        return
    folder = os.open(pool, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        _ours.add(pool)
        yield
    finally:
        _ours.discard(pool)
        os.close(folder)


def _reserved(pool: Path, megabytes: int) -> Iterator[bool]:
    pages = pool / "nr_hugepages"
    before = int(pages.read_text())
    used = before - int((pool / "free_hugepages").read_text())
    wanted = max(before, used + megabytes // PAGE_MB)
    try:
        pages.write_text(str(wanted))
        got = int(pages.read_text())
        if got < wanted:
            pages.write_text(str(before))
            refused.append(megabytes)
        yield got >= wanted
    finally:
        pages.write_text(str(before))


def holds(each: int, host: Path = HOST) -> int:
    """How many things of so many bytes half of the memory holds that the host has to give."""
    found = AVAILABLE.search(host.read_text())
    if found is None:
        raise RuntimeError(f"{host} does not say what is available")
    return int(found[1]) * 1024 // 2 // each
