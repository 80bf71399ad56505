# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl history`, `confirm` and `rollback`: the desired state that slb-agent keeps."""

from datetime import datetime

import click

from slb.model.desired import VersionView
from slbctl import output
from slbctl.call import ask
from slbctl.command import SlbCommand
from slbctl.options import Target, json_option
from slbctl.output import Column
from slbctl.units import plural

VERSIONS: tuple[Column[VersionView], ...] = (
    Column("GENERATION", lambda row: str(row.generation), right=True),
    Column("TIME", lambda row: _time(row.time)),
    Column("OWNER", lambda row: row.owner),
    Column("WHO", lambda row: row.who or "-"),
    Column("FROM", lambda row: row.peer or "-"),
    Column("VS", lambda row: str(row.vs), right=True),
    Column("RS", lambda row: str(row.rs), right=True),
    Column("CHANGE", lambda row: row.change),
)


@click.command(cls=SlbCommand, examples=("slbctl history", "slbctl history --json"))
@json_option
@click.pass_obj
def history(target: Target, as_json: bool) -> None:
    """List the versions of the desired state that slb-agent keeps, the newest first."""
    rows = ask(target, lambda client: client.history())
    output.show_listing(rows, VERSIONS, as_json, empty="no version yet")


@click.command(cls=SlbCommand, examples=("slbctl confirm",))
@click.pass_obj
def confirm(target: Target) -> None:
    """Keep what 'slbctl apply --confirm' has changed."""
    done = ask(target, lambda client: client.confirm())
    output.show_line(f"confirmed (generation {done.generation})")


@click.command(cls=SlbCommand, examples=("slbctl rollback", "slbctl history; slbctl rollback 41"))
@click.argument(
    "generation",
    required=False,
    type=click.IntRange(0),
    help="One of 'slbctl history'; that before the last change if not given.",
)
@click.option(
    "--base",
    metavar="GENERATION",
    type=click.IntRange(0),
    help="Refuse it if something has changed since.",
)
@json_option
@click.pass_obj
def rollback(target: Target, generation: int | None, base: int | None, as_json: bool) -> None:
    """Bring back the operator's services of an earlier generation, as a new one.

    What other owners have stays as it is. While a change waits for 'slbctl confirm', it is this one
    that is undone.
    """
    done = ask(target, lambda client: client.rollback(generation, base=base))
    if as_json:
        output.show_json(done)
    else:
        changes = plural(len(done.plan), "change")
        output.show_lines([*done.plan, f"rolled back, {changes} (generation {done.generation})"])


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).isoformat(" ", "seconds")
