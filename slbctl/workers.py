# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl workers …`: over how many workers clients are spread."""

import click

from slb.model.views import WorkerView
from slbctl import output
from slbctl.call import ask
from slbctl.command import SlbGroup
from slbctl.options import Target, json_option
from slbctl.output import Column
from slbctl.tables import number
from slbctl.units import percent

MAX_WORKERS = 32

COLUMNS: tuple[Column[WorkerView], ...] = (
    Column("WORKER", lambda row: str(row.worker), right=True),
    Column("CPU", lambda row: str(row.cpu), right=True),
    Column("STATE", lambda row: row.state),
    Column("SHARE", lambda row: percent(round(row.share * 1000), 1000), right=True),
    number("ACTIVE", lambda row: row.sessions_active),
    number("CREATED", lambda row: row.sessions_created),
    Column("GENERATION", lambda row: str(row.generation), right=True),
)


@click.group(cls=SlbGroup)
def workers() -> None:
    """Workers: the cores that balance, and which of them get clients."""


@workers.command("list", examples=("slbctl workers list", "slbctl workers list --json"))
@json_option
@click.pass_obj
def list_(target: Target, as_json: bool) -> None:
    """List the workers, their shares of the clients and their sessions."""
    rows = ask(target, lambda client: client.worker_list())
    output.show_listing(rows, COLUMNS, as_json, empty="no workers")


@workers.command("set", examples=("slbctl workers set 4", "slbctl workers set 2 --now"))
@click.argument("count", metavar="N", type=click.IntRange(1, MAX_WORKERS))
@click.option("--now", is_flag=True, help="End the sessions of the others at once.")
@click.pass_obj
def set_(target: Target, count: int, now: bool) -> None:
    """Spread clients over the first N workers; sessions of the others go on."""
    done = ask(target, lambda client: client.workers_set(count, now))
    what = "1 worker" if count == 1 else f"{count} workers"
    output.show_line(f"clients are spread over {what} (generation {done.generation})")
