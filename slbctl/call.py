# SPDX-License-Identifier: BSD-3-Clause
"""Asks the daemon: the one place between click's plain functions and the asynchronous client."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from slb.errors import SlbError
from slbctl.options import Target

if TYPE_CHECKING:
    from slb.api.client import Client

T = TypeVar("T")


class NoAnswer(SlbError):
    """The daemon took the question and did not answer in time."""


@dataclass(frozen=True)
class Readings(Generic[T]):
    """The same question asked twice, and the seconds between the answers."""

    before: T
    after: T
    seconds: float


def ask(target: Target, question: "Callable[[Client], Awaitable[T]]") -> T:
    """Puts one question to the daemon; raises RequestError, Unreachable, NoAnswer."""
    # The client brings an HTTP library along: help and completion of words start faster without it.
    from slb.api.client import Client

    async def once() -> T:
        async with asyncio.timeout(target.timeout_s):
            async with Client(target.socket, 2 * target.timeout_s) as client:
                return await question(client)

    try:
        return asyncio.run(once())
    except TimeoutError:
        raise NoAnswer(
            f"slbd at {target.socket} did not answer within {target.timeout_s:g} s; "
            "a change may still happen, so look before repeating it"
        ) from None


def ask_twice(
    target: Target, question: "Callable[[Client], Awaitable[T]]", apart_s: float
) -> Readings[T]:
    """Puts the question, waits, and puts it again; raises as ask() does."""
    before, started = ask(target, question), time.monotonic()
    time.sleep(apart_s)
    return Readings(before, ask(target, question), time.monotonic() - started)
