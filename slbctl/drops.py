# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl drops`: why packets were dropped."""

from collections.abc import Sequence

import click

from slb.model.views import DropView, Items
from slbctl import output
from slbctl.call import Readings, ask, ask_twice
from slbctl.command import SlbCommand
from slbctl.options import Target, json_option, rate_option
from slbctl.output import Column
from slbctl.tables import number
from slbctl.units import count, per_second, plural


@click.command(
    cls=SlbCommand, examples=("slbctl drops", "slbctl drops --rate 1", "slbctl drops --all --json")
)
@click.option("--all", "every", is_flag=True, help="Also the reasons that never occurred.")
@json_option
@rate_option
@click.pass_obj
def drops(target: Target, every: bool, as_json: bool, rate_s: float | None) -> None:
    """Count dropped packets by reason and worker."""
    if rate_s is not None:
        _show_rates(ask_twice(target, lambda client: client.drops(), rate_s), every)
        return
    rows = ask(target, lambda client: client.drops())
    if as_json:
        output.show_json(Items(rows))
        return
    workers = max((len(row.workers) for row in rows), default=0)
    columns = [
        Column[DropView]("REASON", lambda row: row.reason),
        number("PACKETS", lambda row: row.total),
        *(_worker_column(worker) for worker in range(workers)),
    ]
    shown = [row for row in rows if row.total or every]
    total = sum(row.total for row in rows)
    foot = f"{plural(total, 'packet')} dropped{_unseen(rows, shown)}"
    output.show_table(shown, columns, empty="no packet was dropped", foot=foot)


def _show_rates(seen: Readings[Sequence[DropView]], every: bool) -> None:
    before = {row.reason: row.total for row in seen.before}
    # A counter that went back belongs to a daemon started anew.
    added = {row.reason: max(row.total - before.get(row.reason, 0), 0) for row in seen.after}
    columns = [
        Column[DropView]("REASON", lambda row: row.reason),
        Column[DropView](
            "PACKETS/s", lambda row: per_second(added[row.reason] / seen.seconds), right=True
        ),
        number("PACKETS", lambda row: row.total),
    ]
    shown = [row for row in seen.after if added[row.reason] or every]
    empty = f"no packet was dropped in {seen.seconds:.1f} s"
    output.show_table(shown, columns, empty=empty)


def _worker_column(worker: int) -> Column[DropView]:
    def cell(row: DropView) -> str:
        return count(row.workers[worker]) if worker < len(row.workers) else "-"

    return Column(f"WORKER {worker}", cell, right=True)


def _unseen(rows: Sequence[DropView], shown: Sequence[DropView]) -> str:
    hidden = len(rows) - len(shown)
    return f"; {plural(hidden, 'other reason')} never occurred (--all)" if hidden else ""
