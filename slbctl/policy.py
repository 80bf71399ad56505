# SPDX-License-Identifier: BSD-3-Clause
"""How the policy of a VS is written on the command line and shown."""

from collections.abc import Iterable
from typing import Any

import click
from click.shell_completion import CompletionItem

from slb.model.address import show
from slb.model.policy import CLIENT_ADDRESSES, MAX_TIMEOUT_S, SCHEDULERS, TIMEOUTS, TimeoutName
from slb.model.views import VsView

Timeout = tuple[TimeoutName, int | None]

DEFAULT = "default"


class TimeoutParam(click.ParamType[Timeout, Any]):
    """A timeout of a VS: udp_replied=5, or udp_replied=default where there may be one to undo."""

    name = "name=seconds"

    def __init__(self, *, undo: bool) -> None:
        self._undo = undo

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Timeout:
        """The name and the seconds, None for the default; a usage error when it is neither."""
        if isinstance(value, tuple):
            return value
        text, _, seconds = value.partition("=")
        name = next((name for name in TIMEOUTS if name == text), None)
        if name is None:
            self.fail(f"{show(text)} is no timeout; known: {', '.join(TIMEOUTS)}", param, ctx)
        if self._undo and seconds == DEFAULT:
            return name, None
        if not (seconds.isascii() and seconds.isdigit() and len(seconds) < 6):
            seconds = "0"
        if not 1 <= int(seconds) <= MAX_TIMEOUT_S:
            undo = f", or {name}={DEFAULT}" if self._undo else ""
            self.fail(f"write {name}=SECONDS, 1 to {MAX_TIMEOUT_S}{undo}", param, ctx)
        return name, int(seconds)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The names that begin so."""
        return [CompletionItem(f"{name}=") for name in TIMEOUTS if name.startswith(incomplete)]


scheduler_option = click.option(
    "--scheduler",
    type=click.Choice(SCHEDULERS),
    help="rr: in turn; wrr: in turn by weight; sh: by the client's address.",
)
one_packet_option = click.option(
    "--one-packet", is_flag=True, help="UDP: a session is over with its first reply, as for DNS."
)
one_packet_switch = click.option(
    "--one-packet/--no-one-packet",
    default=None,
    help="UDP: a session is over with its first reply, as for DNS.",
)
client_address_option = click.option(
    "--client-address",
    type=click.Choice(CLIENT_ADDRESSES),
    help="TCP: how its RS are told who the client is: by a TCP option, or by the PROXY protocol.",
)
syn_proxy_option = click.option(
    "--syn-proxy", is_flag=True, help="TCP: a client's handshake is done before it gets an RS."
)
syn_proxy_switch = click.option(
    "--syn-proxy/--no-syn-proxy",
    default=None,
    help="TCP: a client's handshake is done before it gets an RS.",
)
timeout_option = click.option(
    "--timeout",
    "timeouts",
    metavar="NAME=SECONDS",
    type=TimeoutParam(undo=False),
    multiple=True,
    help="How long its sessions live in a state, as udp_replied=5; may be repeated.",
)
timeout_switch = click.option(
    "--timeout",
    "timeouts",
    metavar="NAME=SECONDS",
    type=TimeoutParam(undo=True),
    multiple=True,
    help="How long its sessions live in a state; udp_replied=default undoes it. May be repeated.",
)


def words(
    scheduler: str | None,
    one_packet: bool | None,
    timeouts: Iterable[Timeout],
    client_address: str | None,
    syn_proxy: bool | None,
) -> list[str]:
    """What was asked for, in words."""
    found = [scheduler] if scheduler else []
    if one_packet is not None:
        found.append("one packet a session" if one_packet else "all packets of a session")
    if client_address:
        found.append(f"client address {client_address}")
    if syn_proxy is not None:
        found.append("SYN proxy" if syn_proxy else "no SYN proxy")
    return found + [_timeout(name, seconds) for name, seconds in timeouts]


def properties(view: VsView) -> list[tuple[str, str]]:
    """What a VS has beside its scheduler, for `vs show`."""
    found = [("One packet", "a session is over with its first reply")] if view.one_packet else []
    if view.client_address != "none":
        found.append(("Client address", view.client_address))
    if view.syn_proxy:
        found.append(("SYN proxy", "a client's handshake is done before it gets an RS"))
    if own := view.timeouts.given():
        found.append(("Timeouts", ", ".join(_timeout(*item) for item in own.items())))
    return found


def _timeout(name: str, seconds: int | None) -> str:
    return f"{name} {DEFAULT if seconds is None else f'{seconds} s'}"
