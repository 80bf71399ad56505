# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl stats`: what the worker cores do."""

from collections.abc import Callable, Sequence

import click
import msgspec

from slb.model.views import Stats, WorkerView
from slbctl import output
from slbctl.call import Readings, ask, ask_twice
from slbctl.command import SlbCommand
from slbctl.options import Target, json_option, rate_option
from slbctl.output import Column
from slbctl.tables import number
from slbctl.units import count, per_second, percent

ALL = -1
WORKER: Column[WorkerView] = Column(
    "WORKER", lambda row: "all" if row.worker == ALL else str(row.worker), right=True
)
CPU: Column[WorkerView] = Column(
    "CPU", lambda row: "" if row.worker == ALL else str(row.cpu), right=True
)
IDLE: Column[WorkerView] = Column("IDLE", lambda row: row.idle)
ACTIVE: Column[WorkerView] = number("ACTIVE", lambda row: row.sessions_active)
BUSY: Column[WorkerView] = Column(
    "BUSY", lambda row: percent(row.busy_cycles, row.busy_cycles + row.idle_cycles), right=True
)
COUNTED = (
    ("CREATED", "sessions_created"),
    ("RX", "rx_packets"),
    ("TX", "tx_packets"),
    ("HANDED OFF", "handed_off"),
    ("HANDED IN", "handed_in"),
    ("PUNTED", "punted"),
    ("DROPPED", "dropped"),
    ("UNTOLD", "untold"),
)


@click.command(
    cls=SlbCommand, examples=("slbctl stats", "slbctl stats --rate 1", "slbctl stats --json")
)
@json_option
@rate_option
@click.pass_obj
def stats(target: Target, as_json: bool, rate_s: float | None) -> None:
    """Count sessions and packets of every worker, or show them per second."""
    if rate_s is not None:
        _show_rates(ask_twice(target, lambda client: client.stats(), rate_s))
        return
    seen = ask(target, lambda client: client.stats())
    if as_json:
        output.show_json(seen)
    else:
        _show_counts(seen)


def _show_counts(seen: Stats) -> None:
    counters = [number(heading, _field(field)) for heading, field in COUNTED]
    capacity = Column[WorkerView]("CAPACITY", lambda row: count(row.sessions_capacity), right=True)
    columns = [WORKER, CPU, IDLE, BUSY, ACTIVE, capacity, *counters]
    _show(seen, seen.workers, columns)


def _show_rates(seen: Readings[Stats]) -> None:
    started = {worker.worker: worker for worker in seen.before.workers}
    moved = [_moved(started.get(now.worker), now) for now in seen.after.workers]
    rates = [_rate(heading, _field(field), seen.seconds) for heading, field in COUNTED]
    _show(seen.after, moved, [WORKER, CPU, IDLE, BUSY, ACTIVE, *rates])


def _show(seen: Stats, workers: Sequence[WorkerView], columns: list[Column[WorkerView]]) -> None:
    rows = [*workers, _sum(workers)] if len(workers) > 1 else workers
    output.show_table(rows, columns, empty="no workers", foot=f"generation {seen.generation}")


def _rate(heading: str, value: Callable[[WorkerView], int], seconds: float) -> Column[WorkerView]:
    return Column(f"{heading}/s", lambda row: per_second(value(row) / seconds), right=True)


def _field(name: str) -> Callable[[WorkerView], int]:
    def read(row: WorkerView) -> int:
        value: int = getattr(row, name)
        return value

    return read


def _moved(before: WorkerView | None, now: WorkerView) -> WorkerView:
    """The worker with its counters reduced to what was added since `before`."""
    if before is None:
        return now
    names = [name for _, name in COUNTED] + ["busy_cycles", "idle_cycles"]
    # A counter that went back belongs to a daemon started anew.
    added = {name: max(getattr(now, name) - getattr(before, name), 0) for name in names}
    return msgspec.structs.replace(now, **added)


def _sum(workers: Sequence[WorkerView]) -> WorkerView:
    names = [n for n in WorkerView.__struct_fields__ if n not in ("idle", "state")]
    total = {name: sum(getattr(worker, name) for worker in workers) for name in names}
    return WorkerView(**{**total, "worker": ALL, "idle": ""})
