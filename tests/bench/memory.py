# SPDX-License-Identifier: BSD-3-Clause
"""Hugepages for a measurement, given back afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POOL = Path("/sys/kernel/mm/hugepages/hugepages-2048kB")
PAGE_MB = 2


@contextmanager
def hugepages(megabytes: int, pool: Path = POOL) -> Iterator[bool]:
    """Reserve 2 MB pages beside those in use; says whether the host had enough of them."""
    pages = pool / "nr_hugepages"
    before = int(pages.read_text())
    used = before - int((pool / "free_hugepages").read_text())
    wanted = max(before, used + megabytes // PAGE_MB)
    try:
        pages.write_text(str(wanted))
        got = int(pages.read_text())
        if got < wanted:
            pages.write_text(str(before))
        yield got >= wanted
    finally:
        pages.write_text(str(before))
