# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl rs …`: real servers."""

from collections.abc import Mapping, Sequence

import click

from slb.model.endpoint import Endpoint, VsKey
from slb.model.service import MAX_WEIGHT, RealServer
from slb.model.views import RsView
from slbctl import output
from slbctl.call import ask
from slbctl.command import SlbGroup
from slbctl.health import words_by_rs
from slbctl.options import Target, json_option
from slbctl.output import Column
from slbctl.params import new_rs_argument, rs_argument, vs_argument, vs_filter_argument
from slbctl.tables import traffic_columns
from slbctl.units import percent, plural

weight_type = click.IntRange(0, MAX_WEIGHT)


@click.group(cls=SlbGroup)
def rs() -> None:
    """Real servers: the servers behind a VS."""


@rs.command(
    examples=(
        "slbctl rs add 10.96.0.10:80/tcp 10.10.0.3:8080",
        "slbctl rs add 10.96.0.10:80/tcp 10.10.0.4:8080 --weight 5",
    )
)
@vs_argument
@new_rs_argument
@click.option(
    "--weight",
    metavar="N",
    type=weight_type,
    default=1,
    help="Its share of new sessions; 1 if not given.",
)
@click.pass_obj
def add(target: Target, vs: VsKey, rs: Endpoint, weight: int) -> None:
    """Add an RS to a VS."""
    done = ask(target, lambda client: client.rs_add(vs, RealServer(rs, weight)))
    output.show_line(f"RS {rs} added to {vs}, weight {weight} (generation {done.generation})")


@rs.command("del", examples=("slbctl rs del 10.96.0.10:80/tcp 10.10.0.3:8080",))
@vs_argument
@rs_argument
@click.pass_obj
def delete(target: Target, vs: VsKey, rs: Endpoint) -> None:
    """Delete an RS; its live sessions go on until they end."""
    done = ask(target, lambda client: client.rs_del(vs, rs))
    output.show_line(f"RS {rs} deleted from {vs} (generation {done.generation})")


@rs.command(examples=("slbctl rs edit 10.96.0.10:80/tcp 10.10.0.3:8080 --weight 10",))
@vs_argument
@rs_argument
@click.option(
    "--weight",
    metavar="N",
    type=weight_type,
    required=True,
    help="Its share of new sessions; 0 drains.",
)
@click.pass_obj
def edit(target: Target, vs: VsKey, rs: Endpoint, weight: int) -> None:
    """Change the weight of an RS."""
    done = ask(target, lambda client: client.rs_edit(vs, rs, weight))
    output.show_line(f"RS {rs} of {vs} changed, weight {weight} (generation {done.generation})")


@rs.command(examples=("slbctl rs drain 10.96.0.10:80/tcp 10.10.0.3:8080",))
@vs_argument
@rs_argument
@click.pass_obj
def drain(target: Target, vs: VsKey, rs: Endpoint) -> None:
    """Give an RS no new sessions (weight 0); 'rs edit' brings it back."""
    done = ask(target, lambda client: client.rs_edit(vs, rs, 0))
    output.show_line(f"RS {rs} of {vs} is draining (generation {done.generation})")


@rs.command("list", examples=("slbctl rs list", "slbctl rs list 10.96.0.10:80/tcp --json"))
@vs_filter_argument
@json_option
@click.pass_obj
def list_(target: Target, vs: VsKey | None, as_json: bool) -> None:
    """List the RS, of one VS or of all."""
    rows = ask(target, lambda client: client.rs_list(vs))
    # The listing that programs read is slbd's, and so is that of an RS that is not checked.
    checked = {} if as_json else ask(target, lambda client: words_by_rs(client, vs))
    columns = [Column[RsView]("VS", lambda row: row.vs), *rs_columns(checked)]
    output.show_listing(rows, columns, as_json, empty=_no_rs(vs), foot=rs_foot(rows))


@rs.command(examples=("slbctl rs answers", "slbctl rs answers 10.96.0.10:80/tcp --json"))
@vs_filter_argument
@json_option
@click.pass_obj
def answers(target: Target, vs: VsKey | None, as_json: bool) -> None:
    """Show what became of the sessions that each RS was given, and how soon it answers.

    SHARE is that of the unanswered in those that the RS answered, refused, or let wait in vain.
    """
    rows = ask(target, lambda client: client.rs_list(vs))
    output.show_listing(rows, ANSWERS, as_json, empty=_no_rs(vs))


def _latency(row: RsView) -> str:
    seen = row.answers
    return f"{seen.latency_us / seen.samples / 1000:.3g} ms" if seen.samples else "-"


def _silent(row: RsView) -> str:
    """The share of those that came to be answered, refused or neither."""
    seen = row.answers
    return percent(seen.unanswered, seen.answered + seen.unanswered + seen.refused)


ANSWERS: tuple[Column[RsView], ...] = (
    Column("VS", lambda row: row.vs),
    Column("RS", lambda row: row.rs),
    Column("STATE", lambda row: state(row)),
    Column("SESSIONS", lambda row: str(row.traffic.sessions), right=True),
    Column("ANSWERED", lambda row: str(row.answers.answered), right=True),
    Column("UNANSWERED", lambda row: str(row.answers.unanswered), right=True),
    Column("SHARE", _silent, right=True),
    Column("REFUSED", lambda row: str(row.answers.refused), right=True),
    Column("ABORTED", lambda row: str(row.answers.aborted), right=True),
    Column("RESET", lambda row: str(row.answers.resets), right=True),
    Column("LATENCY", _latency, right=True),
)


def rs_columns(checked: Mapping[tuple[str, str], str] = {}) -> list[Column[RsView]]:
    """The columns of an RS within its VS; `checked`: what is known of those that are."""
    health: Column[RsView] = Column("HEALTH", lambda row: checked.get((row.vs, row.rs), "-"))
    return [
        Column("RS", lambda row: row.rs),
        Column("WEIGHT", lambda row: str(row.weight), right=True),
        Column("STATE", state),
        *([health] if checked else []),
        *traffic_columns(lambda row: row.traffic),
    ]


def state(row: RsView) -> str:
    """What an RS gets: new sessions, none, or none ever again."""
    if row.removed:
        return "removed"
    return "serving" if row.weight else "draining"


def rs_foot(rows: Sequence[RsView]) -> str:
    """How many RS there are, what hinders some of them, and the sessions of all."""
    states = [state(row) for row in rows]
    draining, removed = states.count("draining"), states.count("removed")
    active = sum(row.traffic.active for row in rows)
    counts = [f"{len(rows) - removed} RS", *hindered(draining, removed)]
    return ", ".join([*counts, plural(active, "active session")])


def hindered(draining: int, removed: int) -> list[str]:
    """The RS without new sessions: those with weight 0, and former ones that still have some."""
    counts = {"draining": draining, "removed": removed}
    return [f"{number} {word}" for word, number in counts.items() if number]


def _no_rs(vs: VsKey | None) -> str:
    if vs is None:
        return "no RS; 'slbctl rs add' adds one to a VS"
    return f"VS {vs} has no RS; 'slbctl rs add {vs} RS' adds one"
