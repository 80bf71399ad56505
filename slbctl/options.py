# SPDX-License-Identifier: BSD-3-Clause
"""What several commands take: --json, --rate, and what they all know of the root's options."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from slb.model.config import Api
from slb.model.desired import AGENT_SOCKET, AGENT_STATE, MAX_CONFIRM_S

Command = TypeVar("Command", bound=Callable[..., Any])
Value = TypeVar("Value")

MAX_SECONDS = 3600.0
SLBD_SOCKET = Api().socket


@dataclass(frozen=True)
class Remote:
    """An agent over TCP: its URL, and the files that show who asks and whom to believe."""

    url: str
    cert: str | None = None
    key: str | None = None
    ca: str | None = None
    token_file: str | None = None


@dataclass(frozen=True)
class Target:
    """Which daemon is asked, and how long it may take to answer."""

    socket: str
    timeout_s: float
    remote: Remote | None = None

    @property
    def program(self) -> str:
        """Who should answer there."""
        return "slb-agent" if self.remote or self.socket == AGENT_SOCKET else "slbd"

    @property
    def agent_away(self) -> bool:
        """Whether slbd is asked where there is a desired state, of an agent that was stopped."""
        here = not self.remote and self.socket == SLBD_SOCKET
        return here and os.path.exists(AGENT_STATE) and not os.path.exists(AGENT_SOCKET)


def remote_options(command: Command) -> Command:
    """Adds what leads to an agent over TCP; `remote_of` reads it."""
    for name, variable, text in (
        ("--token-file", "SLB_TOKEN_FILE", "A file with a token, which says who asks."),
        ("--ca", "SLB_CA", "The CAs that the agent's certificate may be of; else the host's."),
        ("--key", "SLB_KEY", "The key of --cert, unless it is in the same file."),
        ("--cert", "SLB_CERT", "A certificate, which says who asks."),
    ):
        command = click.option(name, envvar=variable, metavar="FILE", help=f"{variable}. {text}")(
            command
        )
    text = "SLB_URL. An slb-agent over TLS, https://HOST:PORT, instead of a socket."
    return click.option("--url", envvar="SLB_URL", metavar="URL", help=text)(command)


def remote_of(params: Mapping[str, Any]) -> Remote | None:
    """Return the agent over TCP that the root's options name; raises a usage error."""
    files = {name: params.get(name) for name in ("cert", "key", "ca", "token_file")}
    if params.get("url"):
        return Remote(params["url"], **files)
    if given := next((name for name, value in files.items() if value), None):
        raise click.UsageError(f"--{given.replace('_', '-')} is for --url alone")
    return None


def of_this_host(target: Target) -> None:
    """Raises a usage error where another host is meant than the one that the command is about."""
    if target.remote is not None:
        raise click.UsageError("it is of this host; run it on the other one, without --url")


def usual_socket() -> str:
    """The agent's socket if it is there, also when nobody listens: a change belongs there."""
    return AGENT_SOCKET if os.path.exists(AGENT_SOCKET) else SLBD_SOCKET


def not_empty(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """Returns a path; raises a usage error where there is none, as of an unset variable."""
    if not value:
        raise click.BadParameter("it is empty; write a path, or leave it out", ctx, param)
    return value


class SecondsParam(click.ParamType[float, Any]):
    """A time in seconds, above 0 and at most an hour."""

    name = "seconds"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number; a usage error when the text is none, or out of range."""
        try:
            seconds = float(value)
        except ValueError:
            seconds = 0.0
        if not 0 < seconds <= MAX_SECONDS:
            self.fail(f"{value!a} is no time; write seconds above 0, at most 3600", param, ctx)
        return seconds


class DurationParam(click.ParamType[int, Any]):
    """A time in whole seconds, `60`, `60s` or `5m`, at most a day."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The seconds; a usage error when the text is none, or out of range."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"([0-9]{1,5})([sm]?)", value, re.ASCII)
        seconds = int(match[1]) * (60 if match[2] == "m" else 1) if match else 0
        if not 1 <= seconds <= MAX_CONFIRM_S:
            self.fail(f"{value!a} is no time; write 60s or 5m, at most a day", param, ctx)
        return seconds


def json_option(command: Command) -> Command:
    """Adds --json, as `as_json`."""
    return click.option(
        "--json",
        "as_json",
        is_flag=True,
        callback=_not_both,
        help="Print JSON: the API's names, exact numbers.",
    )(command)


def rate_option(command: Command) -> Command:
    """Adds --rate, as `rate_s`; it and --json exclude each other."""
    return click.option(
        "--rate",
        "rate_s",
        metavar="SECONDS",
        type=SecondsParam(),
        callback=_not_both,
        help="Read twice, SECONDS apart, and show what happened per second.",
    )(command)


def _not_both(ctx: click.Context, param: click.Parameter, value: Value) -> Value:
    # Called for each option in the order of the command line, when the other may not be known yet.
    other = "rate_s" if param.name == "as_json" else "as_json"
    if value and ctx.params.get(other):
        raise click.UsageError("--rate and --json exclude each other; use --json twice", ctx)
    return value
