# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl status`, `history`, `confirm` and `rollback`: the desired state that slb-agent keeps."""

from datetime import datetime

import click

from slb.model.desired import OwnerView, StatusView, VersionView
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
    Column("VS", lambda row: str(row.vs), right=True),
    Column("RS", lambda row: str(row.rs), right=True),
    Column("CHANGE", lambda row: row.change),
)


@click.command(cls=SlbCommand, examples=("slbctl status", "slbctl status --json"))
@json_option
@click.pass_obj
def status(target: Target, as_json: bool) -> None:
    """Show the desired state by owners, and whether slbd has it."""
    answer = ask(target, lambda client: client.status())
    if as_json:
        output.show_json(answer)
    else:
        owners = [(f"owner {row.owner}", _owner(row)) for row in answer.owners]
        output.show_pairs([*_standing(answer), *owners])


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
@json_option
@click.pass_obj
def rollback(target: Target, generation: int | None, as_json: bool) -> None:
    """Bring back the operator's services of an earlier generation, as a new one.

    What other owners have stays as it is. While a change waits for 'slbctl confirm', it is this one
    that is undone.
    """
    done = ask(target, lambda client: client.rollback(generation))
    if as_json:
        output.show_json(done)
    else:
        changes = plural(len(done.plan), "change")
        output.show_lines([*done.plan, f"rolled back, {changes} (generation {done.generation})"])


def _standing(answer: StatusView) -> list[tuple[str, str]]:
    slbd = answer.slbd + (f": {answer.reason}" if answer.reason else "")
    pairs = [
        ("desired", f"generation {answer.generation}"),
        ("slbd", slbd),
        ("applied", f"generation {answer.applied}, slbd's {answer.slbd_generation}"),
    ]
    if answer.mended:
        pairs.append(("mended", f"{answer.mended} times: slbd was changed beside slb-agent"))
    return pairs


def _owner(row: OwnerView) -> str:
    text = f"{row.vs} VS, {row.rs} RS"
    if row.epoch or row.generation:
        text += f", epoch {row.epoch}, generation {row.generation}"
    if row.confirm_within_s is not None:
        text += f", to be confirmed within {row.confirm_within_s:.0f} s"
    return text


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).isoformat(" ", "seconds")
