# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl steering`: how replies find the worker that owns their session."""

import click

from slb.model.views import ProbeView, RuleView, SteeringView
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
    Column(
        "PROVED",
        lambda row: f"{row.proved} of {row.proved + row.unproved + len(row.wrong)}",
        right=True,
    ),
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
    Column("STATE", lambda row: "stuck" if row.stuck else "in use"),
    Column("HITS", lambda row: "-" if row.hits is None else str(row.hits), right=True),
)
PROBES: tuple[Column[ProbeView], ...] = (
    Column("PORT", lambda row: row.port),
    Column("ADDRESS", lambda row: row.address),
    Column("METHOD", lambda row: row.method),
    Column("STATE", lambda row: row.state),
    Column("WORKERS", lambda row: _list(row.workers)),
    Column("SEEN BY", lambda row: _list(row.seen_by)),
    number("ATTEMPTS", lambda row: row.attempts),
)


@click.command(
    cls=SlbCommand,
    examples=(
        "slbctl steering",
        "slbctl steering --probes",
        "slbctl steering --rules",
        "slbctl steering --json",
    ),
)
@click.option("--probes", is_flag=True, help="What probes have shown of each local address.")
@click.option("--rules", is_flag=True, help="The rules that the devices have, and their hits.")
@json_option
@click.pass_obj
def steering(target: Target, probes: bool, rules: bool, as_json: bool) -> None:
    """Show how each port steers replies to their worker, and why so."""
    if probes and rules:
        raise click.UsageError("--probes and --rules are two listings; ask for one of them")
    if probes:
        shown = ask(target, lambda client: client.steering_probes())
        output.show_listing(shown, PROBES, as_json, empty="no local addresses")
        return
    if rules:
        found = ask(target, lambda client: client.steering_rules())
        output.show_listing(found, RULES, as_json, empty="no device has rules")
        return
    rows = ask(target, lambda client: client.steering())
    output.show_listing(rows, COLUMNS, as_json, empty="no ports")


def _list(numbers: list[int]) -> str:
    return ",".join(map(str, numbers)) or "-"
