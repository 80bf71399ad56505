# SPDX-License-Identifier: BSD-3-Clause
"""A frame of `slbctl top` as lines that fit into a terminal, or all of it for a pipe."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from slbctl.output import Column, printable, table
from slbctl.top_rates import DropRate, Frame, History, TrafficRate, WorkerRate, by, total
from slbctl.top_spark import spark
from slbctl.units import bits_per_second, count, duration, per_second, percent

Row = TypeVar("Row")

HEADING = 1


@dataclass(frozen=True)
class Look:
    """How a frame is shown; `height` None: with all rows, and no row cut."""

    sort: str
    bars: str
    width: int | None = None
    height: int | None = None
    note: str = ""


@dataclass(frozen=True)
class _Part:
    """A table in several widths, the widest first; all have as many lines."""

    looks: Sequence[list[str]]

    @property
    def height(self) -> int:
        """Lines, the heading among them."""
        return len(self.looks[0])

    def fitting(self, width: int | None) -> list[str]:
        """The widest that fits, or the narrowest."""
        fit = (look for look in self.looks if width is None or max(map(len, look)) <= width)
        return next(fit, self.looks[-1])


def lines(shown: Frame, history: History, look: Look) -> list[str]:
    """The frame: a head of three lines, then workers, VS, RS and drops."""
    head = _head(shown, history, look)
    parts = [part for part in _parts(shown, history, look) if part.height > HEADING]
    room = _share(look.height, len(head), [part.height for part in parts])
    found = list(head)
    for part, rows in zip(parts, room, strict=True):
        found += [""] if look.height is None else []
        found += part.fitting(look.width)[:rows]
    return [line[: look.width].rstrip() for line in found[: look.height]]


def _share(height: int | None, head: int, wanted: list[int]) -> list[int]:
    """How many lines each part gets: in turn one more, until there is no room or no wish."""
    if height is None:
        return wanted
    given, left = [0] * len(wanted), height - head
    while left > 0 and given != wanted:
        for number, wish in enumerate(wanted):
            if given[number] < wish and left > 0:
                given[number] += 1
                left -= 1
    return given


def _head(shown: Frame, history: History, look: Look) -> list[str]:
    version, workers, vs = shown.version, shown.workers, shown.vs
    active = sum(row.active for row in workers)
    first = (
        f"slbd {version.slb}, up {duration(round(version.uptime_s * 1000))}; "
        f"{count(len(vs))} VS, {count(len(shown.rs) + shown.rs_unread)} RS, "
        f"{count(active)} active sessions"
    )
    rx, new = total(workers, lambda row: row.rx), total(workers, lambda row: row.new)
    in_bytes = total(vs, lambda row: row.in_bytes)
    out_bytes = total(vs, lambda row: row.out_bytes)
    packets = spark(history.of(("all", "packets")), look.bars)
    sessions = spark(history.of(("all", "new")), look.bars)
    second = (
        f"packets/s {_number(rx):>6} {packets}  new/s {_number(new):>6} {sessions}  "
        f"b/s in {_bits(in_bytes)}, out {_bits(out_bytes)}"
    )
    return [printable(first), second, printable(look.note)]


def _parts(shown: Frame, history: History, look: Look) -> list[_Part]:
    def line(key: tuple[str, str], most: float | None = None) -> str:
        return spark(history.of(key), look.bars, most)

    busy: Column[WorkerRate] = Column("", lambda row: line(("worker", str(row.worker)), 1.0))
    moved: Column[TrafficRate] = Column("", lambda row: line(row.key))
    fell: Column[DropRate] = Column("", lambda row: line(("drop", row.reason)))
    unread = f" ({count(shown.rs_unread)} not read; --vs)" if shown.rs_unread else ""
    drops = sorted((row for row in shown.drops if row.rate), key=lambda row: -(row.rate or 0))
    names: list[Column[TrafficRate]] = [Column("VS", lambda row: row.vs)]
    real: list[Column[TrafficRate]] = [Column(f"RS{unread}", lambda row: row.rs), *names]
    return [
        _part(shown.workers, WORKER, busy),
        _part(by(look.sort, shown.vs), [*names, *TRAFFIC], moved, ANSWERS),
        _part(by(look.sort, shown.rs), [*real, *TRAFFIC], moved, ANSWERS),
        _part(drops, DROPS, fell),
    ]


def _part(
    rows: Sequence[Row],
    columns: Sequence[Column[Row]],
    bars: Column[Row],
    more: Sequence[Column[Row]] = (),
) -> _Part:
    """Where not all has room, `more` goes before the bars, which say what moves at a glance."""
    return _Part(
        [
            table(rows, [*columns, *more, bars]),
            table(rows, [*columns, bars]),
            table(rows, columns),
        ]
    )


def _number(rate: float | None) -> str:
    return "-" if rate is None else per_second(rate)


def _percent(share: float | None) -> str:
    return "-" if share is None else percent(share, 1)


def _whole(value: float | None) -> str:
    return "-" if value is None else count(round(value))


def _bits(rate: float | None) -> str:
    """Without its unit, which is in the heading."""
    return "-" if rate is None else bits_per_second(rate).removesuffix("b/s").replace(" ", "")


def _right(heading: str, cell: Callable[[Row], str]) -> Column[Row]:
    return Column(heading, cell, right=True)


WORKER: tuple[Column[WorkerRate], ...] = (
    _right("WORKER", lambda row: str(row.worker)),
    _right("CPU", lambda row: str(row.cpu)),
    Column("STATE", lambda row: row.state),
    _right("BUSY", lambda row: _percent(row.busy)),
    _right("RX/s", lambda row: _number(row.rx)),
    _right("TX/s", lambda row: _number(row.tx)),
    _right("NEW/s", lambda row: _number(row.new)),
    _right("ACTIVE", lambda row: count(row.active)),
    _right("DROPS/s", lambda row: _number(row.dropped)),
)
TRAFFIC: tuple[Column[TrafficRate], ...] = (
    _right("ACTIVE", lambda row: count(row.active)),
    _right("NEW/s", lambda row: _number(row.new)),
    _right("PKTS/s", lambda row: _number(row.packets)),
    _right("IN b/s", lambda row: _bits(row.in_bytes)),
    _right("OUT b/s", lambda row: _bits(row.out_bytes)),
)
ANSWERS: tuple[Column[TrafficRate], ...] = (
    _right("UNANSWERED", lambda row: _percent(row.answers.unanswered)),
    _right("REFUSED/s", lambda row: _number(row.answers.refused)),
    _right("RESET/s", lambda row: _number(row.answers.resets)),
    _right("SYN-ACK us", lambda row: _whole(row.answers.latency_us)),
)
DROPS: tuple[Column[DropRate], ...] = (
    Column("DROPS", lambda row: row.reason),
    _right("PKTS/s", lambda row: _number(row.rate)),
    _right("PACKETS", lambda row: count(row.total)),
)
