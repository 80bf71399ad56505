# SPDX-License-Identifier: BSD-3-Clause
"""Checks of one RS, one after another, that may share a connection.

A server may close a connection that idles, and that says nothing against it. So where one that is
kept ends before anything of the answer has come, the same check goes on with a new one. It is kept
for `reuse_s` at most, that an RS which takes no new ones is noticed; by up to a half less, at
random, so that many which began at once do not end at once.
"""

import random
import time
from collections.abc import Callable, Generator
from typing import Protocol

from slb.health.dial import Dialer
from slb.health.probe import DONE, Bad, Waiting
from slb.health.stream import Stream


class Talk(Protocol):
    """What is said over one connection; `heard`: whether anything of the last answer has come."""

    stream: Stream
    heard: bool

    def rests(self) -> bool:
        """Tell whether the connection, which has idled, is still of use."""

    def ask(self) -> Generator[tuple[int, int], None, bool]:
        """Ask once; tells whether that may be repeated. Raises Bad, OSError."""


def checks(dialer: Dialer, begin: Callable[[Stream], Talk], reuse_s: float) -> Waiting:
    """Make one check after another; raises Bad, OSError."""
    talk: Talk | None = None
    until = 0.0
    try:
        while True:
            again = (yield from _once_more(talk)) if talk else None
            if talk is None or again is None:
                if talk is not None:
                    talk.stream.close()
                talk = begin((yield from dialer.dial()))
                until = time.monotonic() + random.uniform(0.5, 1) * reuse_s
                again = yield from talk.ask()
                dialer.learn(talk.stream)
            if again and time.monotonic() < until:
                yield talk.stream.fileno(), DONE
            else:
                talk.stream.close()
                talk = None
                yield -1, DONE
    finally:
        if talk is not None:
            talk.stream.close()


def _once_more(talk: Talk) -> Generator[tuple[int, int], None, bool | None]:
    """Ask over a kept connection; returns None if it has ended meanwhile."""
    if not talk.rests():
        return None
    try:
        return (yield from talk.ask())
    except (Bad, OSError):
        if talk.heard:
            raise
        return None
