# SPDX-License-Identifier: BSD-3-Clause
"""Hugepages for a measurement, given back afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PAGES = Path("/proc/sys/vm/nr_hugepages")
PAGE_MB = 2


@contextmanager
def hugepages(megabytes: int) -> Iterator[bool]:
    """Reserve 2 MB pages; says whether the host had enough of them."""
    before = int(PAGES.read_text())
    wanted = max(before, megabytes // PAGE_MB)
    try:
        PAGES.write_text(str(wanted))
        got = int(PAGES.read_text())
        if got < wanted:
            PAGES.write_text(str(before))
        yield got >= wanted
    finally:
        PAGES.write_text(str(before))
