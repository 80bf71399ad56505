# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl ospf …`: what BIRD announces, and to whom."""

import click

from slb.model.views import OspfNeighbour, OspfView
from slbctl import output
from slbctl.call import ask
from slbctl.command import SlbGroup
from slbctl.options import Target, json_option
from slbctl.output import Column

COLUMNS: tuple[Column[OspfNeighbour], ...] = (
    Column("NEIGHBOUR", lambda row: row.router_id),
    Column("ADDRESS", lambda row: row.address),
    Column("INTERFACE", lambda row: row.interface),
    Column("STATE", lambda row: row.state),
    Column("FULL", lambda row: "yes" if row.full else "no"),
)


@click.group(cls=SlbGroup)
def ospf() -> None:
    """OSPF: what is announced, and to whom."""


@ospf.command(examples=("slbctl ospf status", "slbctl ospf status --json"))
@json_option
@click.pass_obj
def status(target: Target, as_json: bool) -> None:
    """Show BIRD's neighbours, the announced prefixes, and what is wrong."""
    view = ask(target, lambda client: client.ospf())
    if as_json:
        output.show_json(view)
    elif view.mode == "off":
        output.show_line("OSPF is off; ospf.mode in slb.yaml turns it on")
    else:
        output.show_pairs(_properties(view))
        output.show_line("")
        empty = "no OSPF neighbours" if view.running else "OSPF neighbours: not known"
        output.show_table(view.neighbours, COLUMNS, empty=empty)


@ospf.command(examples=("slbctl ospf restart",))
@click.pass_obj
def restart(target: Target) -> None:
    """Restart BIRD; with ospf.graceful_restart: on its neighbours keep the routes."""
    view = ask(target, lambda client: client.ospf_restart())
    output.show_line("the neighbours know that BIRD restarts, and keep the routes")
    if view.mode == "system":
        output.show_line("start BIRD again now, with -R, within 100 s")


def _properties(view: OspfView) -> list[tuple[str, str]]:
    announced = ", ".join(view.announced) or "nothing"
    return [
        ("BIRD", f"{'running' if view.running else 'gives no answer'}, {view.mode}"),
        ("Router ID", view.router_id),
        ("Adjacency", ", ".join(f"{name} {state}" for name, state in view.adjacency.items())),
        ("Announced", announced if view.running else "not known"),
        *(("Lost", neighbour) for neighbour in view.lost),
        *([("Restart", "under way, the neighbours wait")] if view.restarting else []),
        *([("Withheld", view.withheld)] if view.withheld else []),
        *(("Held back", f"{prefix}: {why}") for prefix, why in view.held.items()),
        *([("Error", view.error)] if view.error else []),
    ]
