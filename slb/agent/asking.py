# SPDX-License-Identifier: BSD-3-Clause
"""The request that is being answered, for those far from it who do what it asks or tell of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class Asking:
    """Who asks, from where, for what, and what that does to the desired state.

    Filled in while it is done; `change` is what is asked for, whether it comes to that or not.
    """

    who: str = ""
    peer: str = ""
    owner: str | None = None
    change: str | None = None
    before: int | None = None
    after: int | None = None


_UNDER_WAY: ContextVar[Asking | None] = ContextVar("asking", default=None)


@contextmanager
def begun() -> Iterator[Asking]:
    """Have what is done within be done for one request."""
    asking = Asking()
    reset = _UNDER_WAY.set(asking)
    try:
        yield asking
    finally:
        _UNDER_WAY.reset(reset)


def now() -> Asking:
    """Return the request that is being answered; nobody's outside of one."""
    return _UNDER_WAY.get() or Asking()
