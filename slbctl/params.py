# SPDX-License-Identifier: BSD-3-Clause
"""How VS, RS and clients are written on the command line, and how a shell completes them."""

import re
from collections.abc import Callable
from typing import Any

import click
from click.shell_completion import CompletionItem

from slb.errors import TextError
from slb.model.address import Address, parse_address, show
from slb.model.endpoint import Endpoint, VsKey
from slb.model.service import MAX_WEIGHT, RealServer
from slb.model.session_filter import Peer
from slbctl import names

_WEIGHT = re.compile(r"([^,=]+)[,=] *(?:weight *[=:] *)?([0-9]{1,9})", re.ASCII)


class VsParam(click.ParamType[VsKey, Any]):
    """A VS: 10.96.0.10:80/tcp; the shell offers those of the daemon."""

    name = "vs"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> VsKey:
        """The key; a usage error when the text is none."""
        if isinstance(value, VsKey):
            return value
        try:
            return VsKey.parse(value)
        except TextError as error:
            self.fail(str(error), param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The VS that begin so; none when no daemon answers."""
        return _items(names.vs_names(ctx), incomplete)


class RsParam(click.ParamType[Endpoint, Any]):
    """An RS: 10.10.0.1:8080; the shell offers those of the VS that is named before it."""

    name = "rs"

    def __init__(self, *, existing: bool = True) -> None:
        self._existing = existing

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Endpoint:
        """The endpoint; a usage error when the text is none."""
        if isinstance(value, Endpoint):
            return value
        if meant := _with_weight(value):
            text = f"write {meant.rs}; a weight, where one is taken, is --weight {meant.weight}"
            self.fail(f"{show(value)} is not ADDRESS:PORT; {text}", param, ctx)
        try:
            return Endpoint.parse(value)
        except TextError as error:
            self.fail(str(error), param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The RS that begin so; none when no daemon answers, or a new RS is to be named."""
        return _items(names.rs_names(ctx), incomplete) if self._existing else []


class WeightedRsParam(click.ParamType[RealServer, Any]):
    """An RS with or without a weight: 10.10.0.2:8080=5."""

    name = "rs[=weight]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> RealServer:
        """The RS with its weight; a usage error when the text is none."""
        if isinstance(value, RealServer):
            return value
        text, equals, weight = value.partition("=")
        if "," in value and (meant := _with_weight(value)):
            hint = f"write {meant.rs}={meant.weight}"
            self.fail(f"{show(value)} is not ADDRESS:PORT=WEIGHT; {hint}", param, ctx)
        if equals and not (re.fullmatch(r"[0-9]{1,9}", weight) and int(weight) <= MAX_WEIGHT):
            self.fail(f"the weight of {text[:64]} is a number from 0 to {MAX_WEIGHT}", param, ctx)
        try:
            return RealServer(Endpoint.parse(text), int(weight) if equals else 1)
        except TextError as error:
            self.fail(str(error), param, ctx)


class LaddrParam(click.ParamType[Address, Any]):
    """A local address: 198.18.0.9; the shell offers those of the daemon."""

    name = "address"

    def __init__(self, *, existing: bool) -> None:
        self._existing = existing

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Address:
        """The address; a usage error when the text is none."""
        if not isinstance(value, str):
            return value  # type: ignore[no-any-return]
        try:
            return parse_address(value)
        except TextError as error:
            self.fail(str(error), param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The local addresses that begin so; none when a new one is to be named."""
        return _items(names.laddr_names(ctx), incomplete) if self._existing else []


class NameParam(click.ParamType[str, Any]):
    """A name, which the program that is asked knows; the shell offers those that `known` finds."""

    name = "name"

    def __init__(self, known: Callable[[click.Context], list[str]]) -> None:
        self._known = known

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text as it is."""
        return str(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The names that begin so."""
        return _items(self._known(ctx), incomplete)


class HostParam(click.ParamType[str, Any]):
    """A filter: an address, or an address with a port."""

    name = "address[:port]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text as the API takes it; a usage error when it is neither."""
        try:
            Peer.parse(value)
        except TextError:
            self.fail(f"{show(value)} is no address; write 192.0.2.7 or 192.0.2.7:443", param, ctx)
        return str(value)


class RsFilterParam(HostParam):
    """The same for an RS; the shell offers those of the daemon."""

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The RS that begin so; none when no daemon answers."""
        return _items(names.rs_names(ctx), incomplete)


def _with_weight(text: str) -> RealServer | None:
    """An RS behind which a weight is written in some way: `10.10.0.2:8080,weight=5`."""
    match = _WEIGHT.fullmatch(text)
    try:
        return RealServer(Endpoint.parse(match[1]), int(match[2])) if match else None
    except TextError:
        return None


def _items(known: list[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in known if name.startswith(incomplete)]


vs_argument = click.argument("vs", type=VsParam(), help="As 10.96.0.10:80/tcp.")
vs_filter_argument = click.argument(
    "vs", type=VsParam(), required=False, help="Only this one; all if not given."
)
rs_argument = click.argument("rs", type=RsParam(), help="As 10.10.0.1:8080.")
new_rs_argument = click.argument("rs", type=RsParam(existing=False), help="As 10.10.0.1:8080.")
