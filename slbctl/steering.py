# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl steering`: how replies find the worker that owns their session."""

import click

from slb.model.views import SteeringView
from slbctl import output
from slbctl.call import ask
from slbctl.command import SlbCommand
from slbctl.options import Target, json_option
from slbctl.output import Column
from slbctl.tables import number

COLUMNS: tuple[Column[SteeringView], ...] = (
    Column("PORT", lambda row: row.port),
    Column("METHOD", lambda row: row.method),
    Column("CLIENTS SPREAD BY", lambda row: row.spread),
    number("RX QUEUES", lambda row: row.rx_queues),
    number("HANDED OFF", lambda row: row.handed_off),
    Column("REASON", lambda row: row.reason or "-"),
)


@click.command(cls=SlbCommand, examples=("slbctl steering", "slbctl steering --json"))
@json_option
@click.pass_obj
def steering(target: Target, as_json: bool) -> None:
    """Show how each port steers replies to their worker, and why so."""
    rows = ask(target, lambda client: client.steering())
    output.show_listing(rows, COLUMNS, as_json, empty="no ports")
