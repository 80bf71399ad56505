# SPDX-License-Identifier: BSD-3-Clause
"""A network namespace for the length of a test; threads that the test starts live in it too."""

import ctypes
import os
import subprocess
from collections.abc import Callable, Iterator

import pytest

CLONE_NEWNET = 0x40000000

Ip = Callable[[str], str]


@pytest.fixture
def ip() -> Iterator[Ip]:
    """Move this thread into a namespace of its own; gives the command `ip`."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.unshare(CLONE_NEWNET) != 0:
            pytest.skip(f"no network namespace: {os.strerror(ctypes.get_errno())}")
        run("link set lo up")
        yield run
    finally:
        libc.setns(home, CLONE_NEWNET)
        os.close(home)


def run(words: str) -> str:
    """Run `ip` and return what it prints."""
    done = subprocess.run(["ip", *words.split()], check=True, capture_output=True, text=True)
    return done.stdout
