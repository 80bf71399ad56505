# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl laddr …`: local addresses."""

import click

from slb.model.address import Address
from slb.model.views import LaddrView
from slbctl import output
from slbctl.call import ask
from slbctl.command import SlbGroup
from slbctl.names import port_names
from slbctl.options import Target, json_option
from slbctl.output import Column
from slbctl.params import LaddrParam, NameParam
from slbctl.tables import number

COLUMNS: tuple[Column[LaddrView], ...] = (
    Column("ADDRESS", lambda row: row.address),
    Column("PORT", lambda row: row.port),
    Column("WORKER", lambda row: str(row.worker), right=True),
    Column("STATE", lambda row: row.state),
    number("ACTIVE", lambda row: row.active),
    number("SESSIONS", lambda row: row.sessions),
    Column("IN SLB.YAML", lambda row: "yes" if row.configured else "no"),
)


@click.group(cls=SlbGroup)
def laddr() -> None:
    """Local addresses: the sources that RS see."""


@laddr.command(
    examples=(
        "slbctl laddr add 198.18.0.9 --port lan0",
        "slbctl laddr add 198.18.0.9 2001:db8:18::9 --port lan0",
    )
)
@click.argument(
    "addresses", metavar="ADDRESS...", nargs=-1, required=True, type=LaddrParam(existing=False)
)
@click.option(
    "--port", metavar="NAME", required=True, type=NameParam(port_names), help="That gets them."
)
@click.pass_obj
def add(target: Target, addresses: tuple[Address, ...], port: str) -> None:
    """Add local addresses to a port, all or none; returns when new sessions use them.

    They are gone after slbd's next start, unless they are added to slb.yaml, too.
    """
    done = ask(target, lambda client: client.laddr_add(port, addresses))
    what = "local address" if len(addresses) == 1 else "local addresses"
    added = ", ".join(map(str, addresses))
    output.show_line(f"{what} {added} added to {port} (generation {done.generation})")


@laddr.command("del", examples=("slbctl laddr del 198.18.0.9",))
@click.argument(
    "addresses", metavar="ADDRESS...", nargs=-1, required=True, type=LaddrParam(existing=True)
)
@click.pass_obj
def delete(target: Target, addresses: tuple[Address, ...]) -> None:
    """Delete local addresses, one by one; their live sessions go on until they end."""
    for address in addresses:
        done = ask(target, lambda client, which=address: client.laddr_del(which))  # type: ignore[misc]
        output.show_line(f"local address {address} deleted (generation {done.generation})")


@laddr.command("list", examples=("slbctl laddr list", "slbctl laddr list --json"))
@json_option
@click.pass_obj
def list_(target: Target, as_json: bool) -> None:
    """List local addresses, their workers and sessions, and whether slb.yaml has them.

    What slb.yaml does not have is gone after slbd's next start; what drains and is in slb.yaml
    comes back.
    """
    rows = ask(target, lambda client: client.laddr_list())
    output.show_listing(rows, COLUMNS, as_json, empty="no local addresses")
