# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl route …`: routes."""

import click

from slb.model.views import RouteView
from slbctl import output
from slbctl.call import ask
from slbctl.command import SlbGroup
from slbctl.options import Target, json_option
from slbctl.output import Column

COLUMNS: tuple[Column[RouteView], ...] = (
    Column("PREFIX", lambda row: row.prefix),
    Column("GATEWAY", lambda row: row.gateway or "connected"),
    Column("PORT", lambda row: row.port),
)


@click.group(cls=SlbGroup)
def route() -> None:
    """Routes: where the workers send to."""


@route.command("list", examples=("slbctl route list", "slbctl route list --json"))
@json_option
@click.pass_obj
def list_(target: Target, as_json: bool) -> None:
    """List the routes as the workers know them."""
    rows = ask(target, lambda client: client.route_list())
    output.show_listing(rows, COLUMNS, as_json, empty="no routes; the kernel interface has none")
