# SPDX-License-Identifier: BSD-3-Clause
"""Asks the daemon: the one place between click's functions and the client."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from slb.errors import NoAnswer
from slbctl.options import Target

if TYPE_CHECKING:
    from slb.api.client import Client

T = TypeVar("T")


@dataclass(frozen=True)
class Readings(Generic[T]):
    """The same question asked twice, and the seconds between the answers."""

    before: T
    after: T
    seconds: float


def ask(target: Target, question: "Callable[[Client], T]") -> T:
    """Puts one question to the daemon; raises RequestError, Unreachable, NoAnswer."""
    # The client brings HTTP along: help and completion of words start faster without it.
    from slb.api.client import Client

    try:
        return question(Client(target.socket, target.timeout_s, target.program))
    except NoAnswer as late:
        raise NoAnswer(f"{late}; a change may still happen, so look before repeating it") from None


def ask_twice(target: Target, question: "Callable[[Client], T]", apart_s: float) -> Readings[T]:
    """Puts the question, waits, and puts it again; raises as ask() does."""
    before, started = ask(target, question), time.monotonic()
    time.sleep(apart_s)
    return Readings(before, ask(target, question), time.monotonic() - started)
