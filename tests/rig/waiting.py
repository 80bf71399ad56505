# SPDX-License-Identifier: BSD-3-Clause
"""Waiting on conditions: the only place of the rig that sleeps."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_POLL_S = 0.02
_POLL_MAX_S = 0.2


class RigError(Exception):
    """Something of the rig itself went wrong."""


class RigTimeout(RigError):
    """A condition did not become true in time."""


def wait(condition: Callable[[], T], timeout: float, what: str) -> T:
    """Return the first true value of `condition`.

    Raises RigTimeout, naming `what` and the last value seen, after `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    pause = _POLL_S
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise RigTimeout(f"{what}: not within {timeout:g} s (last seen: {value!r})")
        time.sleep(pause)
        pause = min(pause * 1.5, _POLL_MAX_S)


def holds(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Watch that `condition` stays true for `seconds`; raises RigError when it does not."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not condition():
            raise RigError(f"{what}: no longer true")
        time.sleep(_POLL_S)
