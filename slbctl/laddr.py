# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl laddr …`: local addresses."""

import click

from slb.model.views import LaddrView
from slbctl import output
from slbctl.call import ask
from slbctl.command import SlbGroup
from slbctl.options import Target, json_option
from slbctl.output import Column
from slbctl.tables import number

COLUMNS: tuple[Column[LaddrView], ...] = (
    Column("ADDRESS", lambda row: row.address),
    Column("PORT", lambda row: row.port),
    Column("WORKER", lambda row: str(row.worker), right=True),
    number("ACTIVE", lambda row: row.active),
    number("SESSIONS", lambda row: row.sessions),
)


@click.group(cls=SlbGroup)
def laddr() -> None:
    """Local addresses: the sources that RS see."""


@laddr.command("list", examples=("slbctl laddr list", "slbctl laddr list --json"))
@json_option
@click.pass_obj
def list_(target: Target, as_json: bool) -> None:
    """List local addresses, their workers and sessions."""
    rows = ask(target, lambda client: client.laddr_list())
    output.show_listing(rows, COLUMNS, as_json, empty="no local addresses")
