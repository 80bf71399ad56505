# SPDX-License-Identifier: BSD-3-Clause
"""Asks the daemon: the one place between click's functions and the client."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from slb.errors import NoAnswer
from slb.model.desired import AGENT_STATE
from slbctl import output
from slbctl.options import Remote, Target

if TYPE_CHECKING:
    from slb.api.client import Client
    from slb.api.https import Https

T = TypeVar("T")


@dataclass(frozen=True)
class Readings(Generic[T]):
    """The same question asked twice, and the seconds between the answers."""

    before: T
    after: T
    seconds: float


def ask(target: Target, question: "Callable[[Client], T]") -> T:
    """Puts one question to the daemon; raises RequestError, Unreachable, NoAnswer."""
    try:
        return question(client(target))
    except NoAnswer as late:
        hint = "; a change may still happen, so look before repeating it" if late.changing else ""
        raise NoAnswer(f"{late}{hint}") from None


def client(target: Target) -> "Client":
    """Returns the client of the daemon; raises ConfigError when a file of its options is wrong."""
    # The client brings HTTP along: help and completion of words start faster without it.
    from slb.api.client import Client

    way = _way(target.remote) or target.socket
    return Client(way, target.timeout_s, target.program, _tell_loss if target.agent_away else None)


def _tell_loss(path: str) -> None:
    # Ports and workers are slbd's own.
    if path.startswith(("/vs", "/apply")) and "dry_run" not in path:
        text = f"this holds until slb-agent starts, which has its own services in {AGENT_STATE}"
        output.show_failure(f"slb-agent does not run; {text}")


def _way(remote: Remote | None) -> "Https | None":
    if remote is None:
        return None
    from slb.api.https import Https, check_url, read_token

    token = read_token(remote.token_file) if remote.token_file else None
    return Https(check_url(remote.url), remote.cert, remote.key, remote.ca, token)


def ask_twice(target: Target, question: "Callable[[Client], T]", apart_s: float) -> Readings[T]:
    """Puts the question, waits, and puts it again; raises as ask() does."""
    before, started = ask(target, question), time.monotonic()
    time.sleep(apart_s)
    return Readings(before, ask(target, question), time.monotonic() - started)
