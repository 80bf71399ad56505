# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl steering`: how replies find the worker that owns their session."""

import click

from slb.model.views import RuleView, SteeringView
from slbctl import output
from slbctl.call import ask
from slbctl.command import SlbCommand
from slbctl.options import Target, json_option
from slbctl.output import Column
from slbctl.tables import number

COLUMNS: tuple[Column[SteeringView], ...] = (
    Column("PORT", lambda row: row.port),
    Column("METHOD", lambda row: row.method),
    Column("HEALTH", lambda row: row.health),
    Column("CLIENTS SPREAD BY", lambda row: row.spread),
    number("RX QUEUES", lambda row: row.rx_queues),
    Column("WITH RULES", lambda row: f"{row.ruled_laddrs} of {row.laddrs}", right=True),
    Column("KNI QUEUE", lambda row: "own" if row.kni_queue else "-"),
    number("MISDIRECTED", lambda row: row.misdirected),
    number("HANDED OFF", lambda row: row.handed_off),
    Column("REASON", lambda row: row.reason or "-"),
)
RULES: tuple[Column[RuleView], ...] = (
    Column("PORT", lambda row: row.port),
    Column("ADDRESS", lambda row: row.address),
    Column("PACKETS", lambda row: row.packets),
    Column("WORKER", lambda row: "kni" if row.worker is None else str(row.worker), right=True),
    Column("HITS", lambda row: "-" if row.hits is None else str(row.hits), right=True),
)


@click.command(
    cls=SlbCommand,
    examples=("slbctl steering", "slbctl steering --rules", "slbctl steering --json"),
)
@click.option("--rules", is_flag=True, help="The rules that the devices have, and their hits.")
@json_option
@click.pass_obj
def steering(target: Target, rules: bool, as_json: bool) -> None:
    """Show how each port steers replies to their worker, and why so."""
    if rules:
        found = ask(target, lambda client: client.steering_rules())
        output.show_listing(found, RULES, as_json, empty="no device has rules")
        return
    rows = ask(target, lambda client: client.steering())
    output.show_listing(rows, COLUMNS, as_json, empty="no ports")
