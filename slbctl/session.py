# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl session …`: the connections that pass now."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from slb.model.endpoint import Endpoint, VsKey
from slb.model.reset import Reset
from slb.model.views import SessionCount, SessionsReset, SessionView
from slbctl import output
from slbctl.call import ask
from slbctl.command import SlbGroup
from slbctl.options import Target, json_option
from slbctl.output import Column
from slbctl.params import HostParam, RsFilterParam, RsParam, VsParam, vs_argument
from slbctl.units import duration, plural

Command = TypeVar("Command", bound=Callable[..., Any])

# The API refuses to list more at once.
MAX_LIMIT = 10_000

COLUMNS: tuple[Column[SessionView], ...] = (
    Column("CLIENT", lambda row: row.client),
    Column("VS", lambda row: row.vs),
    Column("LOCAL", lambda row: row.local),
    Column("RS", lambda row: row.rs),
    Column("WORKER", lambda row: str(row.worker), right=True),
    Column("STATE", lambda row: row.state),
    Column("IDLE", lambda row: duration(row.idle_ms), right=True),
    Column("EXPIRES", lambda row: duration(row.expires_ms), right=True),
)


@click.group(cls=SlbGroup)
def session() -> None:
    """Sessions: the connections that pass now."""


def filter_options(command: Command) -> Command:
    """Adds --vs, --rs, --client and --worker; given together, all must match."""
    for option in (
        click.option(
            "--worker", metavar="N", type=click.IntRange(min=0), help="Only this worker's."
        ),
        click.option("--client", type=HostParam(), help="Only this client's."),
        click.option("--rs", type=RsFilterParam(), help="Only those served by this RS."),
        click.option("--vs", type=VsParam(), help="Only those to this VS."),
    ):
        command = option(command)
    return command


@session.command(
    "list",
    examples=(
        "slbctl session list --vs 10.96.0.10:80/tcp --limit 20",
        "slbctl session list --client 192.0.2.7 --json",
    ),
)
@filter_options
@click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(1, MAX_LIMIT),
    default=100,
    help="At most so many; 100 if not given.",
)
@json_option
@click.pass_obj
def list_(
    target: Target,
    vs: VsKey | None,
    rs: str | None,
    client: str | None,
    worker: int | None,
    limit: int,
    as_json: bool,
) -> None:
    """List sessions, of a VS, an RS, a client or a worker."""
    page = ask(
        target,
        lambda api: api.session_list(vs=vs, rs=rs, client=client, worker=worker, limit=limit),
    )
    if as_json:
        output.show_json(page)
        return
    foot = plural(len(page.items), "session")
    if page.more:
        foot = f"the first {foot}; --limit shows more, 'slbctl session count' counts them all"
    output.show_table(page.items, COLUMNS, empty="no session matches", foot=foot)


@session.command(
    examples=("slbctl session count", "slbctl session count --rs 10.10.0.1:8080 --json")
)
@filter_options
@json_option
@click.pass_obj
def count(
    target: Target,
    vs: VsKey | None,
    rs: str | None,
    client: str | None,
    worker: int | None,
    as_json: bool,
) -> None:
    """Count sessions, of a VS, an RS, a client or a worker."""
    found = ask(target, lambda api: api.session_count(vs=vs, rs=rs, client=client, worker=worker))
    if as_json:
        output.show_json(SessionCount(found))
    else:
        output.show_line(str(found))


@session.command(
    examples=(
        "slbctl session reset 10.96.0.10:80/tcp 10.10.0.3:8080",
        "slbctl session reset 10.96.0.10:53/udp --all",
    )
)
@vs_argument
@click.argument("rs", type=RsParam(), required=False, help="As 10.10.0.1:8080.")
@click.option("--all", "whole", is_flag=True, help="Of all RS that the VS has or had.")
@json_option
@click.pass_obj
def reset(target: Target, vs: VsKey, rs: Endpoint | None, whole: bool, as_json: bool) -> None:
    """End the sessions of an RS or a whole VS; both ends of TCP are told."""
    if (rs is None) is not whole:
        raise click.UsageError("name an RS, or --all to end all sessions of the VS")
    ended = ask(target, lambda api: api.session_reset(Reset(vs, rs)))
    if as_json:
        output.show_json(SessionsReset(ended))
    else:
        whose = f"RS {rs} of {vs}" if rs else f"VS {vs}"
        output.show_line(f"{plural(ended, 'session')} of {whose} ended")
