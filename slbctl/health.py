# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl health`: what slb-agent's checks say of the RS."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from slb.errors import NotFound, NotReady
from slb.model.endpoint import VsKey
from slb.model.health import HealthView
from slbctl import output
from slbctl.call import ask
from slbctl.command import SlbCommand
from slbctl.options import Target, json_option
from slbctl.output import Column
from slbctl.params import vs_filter_argument
from slbctl.units import duration

if TYPE_CHECKING:
    from slb.api.client import Client

COLUMNS: tuple[Column[HealthView], ...] = (
    Column("VS", lambda row: row.vs),
    Column("RS", lambda row: row.rs),
    Column("CHECK", lambda row: row.check),
    Column("STATE", lambda row: row.state),
    Column("NEW SESSIONS", lambda row: _effect(row)),
    Column("SINCE", lambda row: duration(int(row.since_s * 1000)), right=True),
    Column(
        "LATENCY",
        lambda row: "-" if row.latency_ms is None else f"{row.latency_ms:g} ms",
        right=True,
    ),
    Column("LAST FAILURE", lambda row: row.reason or "-"),
)
CONNECTIONS: Column[HealthView] = Column("CONNECTIONS", lambda row: row.passive or "-")


@click.command(
    cls=SlbCommand,
    examples=("slbctl health", "slbctl health 10.96.0.10:80/tcp", "slbctl health --json"),
)
@vs_filter_argument
@json_option
@click.pass_obj
def health(target: Target, vs: VsKey | None, as_json: bool) -> None:
    """Show what the health checks say of the RS, of one VS or of all."""
    rows = ask(target, lambda client: client.health(vs))
    empty = "no RS is checked; 'health' of a service says how, and 'slbctl apply' takes it"
    # Where clients' connections are looked at.
    columns = (*COLUMNS, CONNECTIONS) if any(row.passive for row in rows) else COLUMNS
    output.show_listing(rows, columns, as_json, empty=empty, foot=_foot(rows))


def words_by_rs(client: "Client", vs: VsKey | None) -> dict[tuple[str, str], str]:
    """What is known of each RS that is checked, in a few words; slbd alone knows nothing."""
    try:
        return {(row.vs, row.rs): _words(row) for row in client.health(vs)}
    except (NotFound, NotReady):
        return {}


def _words(row: HealthView) -> str:
    if row.state not in ("down", "ejected"):
        return row.state
    return f"{row.state}{', but in' if row.effect == 'capped' else ''}: {row.reason}"


def _effect(row: HealthView) -> str:
    return {"in": "yes", "out": "no", "capped": "yes, too many are down"}[row.effect]


def _foot(rows: Sequence[HealthView]) -> str:
    states = Counter(row.state for row in rows)
    parts = [f"{number} {state}" for state, number in sorted(states.items())]
    return ", ".join([f"{len(rows)} RS", *parts])
