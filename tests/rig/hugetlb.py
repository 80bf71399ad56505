# SPDX-License-Identifier: BSD-3-Clause
"""Hugepages with names: more of the usual size, and a hugetlbfs, as long as a test needs them."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

POOL = Path("/sys/kernel/mm/hugepages/hugepages-2048kB")
FOLDER = Path("/run/slb-test-hugetlbfs")


@contextlib.contextmanager
def hugetlbfs(pages: int) -> Iterator[Path]:
    """Mount one with so many pages free; skips where the host has none to give."""
    if not POOL.exists():
        pytest.skip("no hugepages of 2 MB")
    before = _pages("nr_hugepages")
    _reserve(before + pages)
    unmount()
    try:
        if _pages("free_hugepages") < pages:
            pytest.skip(f"{pages} hugepages are not to be had")
        FOLDER.mkdir(parents=True, exist_ok=True)
        words = ["mount", "-t", "hugetlbfs", "-o", "pagesize=2M", "hugetlbfs", str(FOLDER)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"no hugetlbfs: {done.stderr.strip()}")
        yield FOLDER
    finally:
        unmount()
        _reserve(before)


def free() -> int:
    """How many are free."""
    return _pages("free_hugepages")


def unmount() -> None:
    """Remove it, also that of an aborted run, with the pages that files still hold."""
    while FOLDER.is_mount():
        for file in FOLDER.iterdir():
            file.unlink(missing_ok=True)
        subprocess.run(["umount", "-l", str(FOLDER)], check=True)
    if FOLDER.is_dir():
        FOLDER.rmdir()


def _pages(name: str) -> int:
    return int((POOL / name).read_text())


def _reserve(pages: int) -> None:
    (POOL / "nr_hugepages").write_text(str(pages))
