# SPDX-License-Identifier: BSD-3-Clause
"""How a health check is written on the command line: http,path=/healthz,interval_s=1."""

from typing import Any, get_args

import click
import msgspec
from click.shell_completion import CompletionItem

from slb.model.address import show
from slb.model.health import Health

KINDS = tuple(str(kind.__struct_config__.tag) for kind in get_args(Health))
EXAMPLE = "http,path=/healthz"
# Keys that stand once for each of their values.
LISTS = ("status", "arguments")


class CheckParam(click.ParamType[Health, Any]):
    """A check: its type, and keys of `health` with their values, between commas."""

    name = "type[,key=value...]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Health:
        """The check; a usage error when the text is none."""
        if isinstance(value, get_args(Health)):
            return value  # type: ignore[no-any-return]
        kind, *rest = value.split(",")
        if kind not in KINDS:
            self.fail(f"{show(kind)} is no type; known: {', '.join(KINDS)}", param, ctx)
        plain: dict[str, Any] = {"type": kind}
        for part in rest:
            key, equals, text = part.partition("=")
            if not equals or (key in plain and key not in LISTS):
                self.fail(f"{show(part)} is no KEY=VALUE, or there twice; {EXAMPLE}", param, ctx)
            plain[key] = [*plain.get(key, []), text] if key in LISTS else text
        plain = _with_passive(plain)
        try:
            found: Health = msgspec.convert(plain, Health, strict=False)
        except msgspec.ValidationError as error:
            text, _, place = str(error).partition(" - at `$")
            self.fail(f"{place.strip('.`') or kind}: {text}", param, ctx)
        return found

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The types that begin so."""
        return [CompletionItem(kind) for kind in KINDS if kind.startswith(incomplete)]


def _with_passive(plain: dict[str, Any]) -> dict[str, Any]:
    """Have `passive.KEY` in a group of its own; `passive=on` is one where all is as usual."""
    rules = {key: plain.pop(key) for key in list(plain) if key.startswith("passive.")}
    if plain.get("passive") == "on":
        plain["passive"] = {}
    if rules:
        plain.setdefault("passive", {}).update(
            {key.removeprefix("passive."): text for key, text in rules.items()}
        )
    return plain


health_option = click.option(
    "--health",
    metavar="TYPE[,KEY=VALUE...]",
    type=CheckParam(),
    help=f"How slb-agent checks its RS, as {EXAMPLE},interval_s=1.",
)
no_health_option = click.option("--no-health", is_flag=True, help="Its RS are checked no more.")
