# SPDX-License-Identifier: BSD-3-Clause
"""Rates for `slbctl top`: from two samples of counters, and what they were before."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from slb.model.views import Answers, DropView, RsView, Traffic, Version, VsView, WorkerView
from slbctl.top_spark import SPARK_WIDTH

Row = TypeVar("Row")
Key = tuple[str, str]

# More are too many to read every second.
RS_READ = 5000

# What becomes of sessions whose client waits for the RS.
DECIDED = ("answered", "unanswered", "refused")


@dataclass(frozen=True)
class Sample:
    """The counters of one moment; `rs_unread`: how many RS there are that were not asked for."""

    at: float
    version: Version
    workers: Sequence[WorkerView]
    drops: Sequence[DropView]
    vs: Sequence[VsView]
    rs: Sequence[RsView]
    rs_unread: int = 0


@dataclass(frozen=True)
class WorkerRate:
    """A worker per second; None: nothing to compare with."""

    worker: int
    cpu: int
    state: str
    busy: float | None
    rx: float | None
    tx: float | None
    new: float | None
    active: int
    dropped: float | None


@dataclass(frozen=True)
class AnswerRate:
    """What became of sessions between two samples; a share or a mean of nothing is None.

    `unanswered`: of those that came to be answered, refused or neither. `latency_us`: SYN to
    SYN-ACK.
    """

    unanswered: float | None = None
    refused: float | None = None
    resets: float | None = None
    latency_us: float | None = None


NO_ANSWERS = AnswerRate()


@dataclass(frozen=True)
class TrafficRate:
    """A VS or an RS per second, both directions in `packets`; in is client to RS."""

    vs: str
    rs: str
    active: int
    new: float | None
    packets: float | None
    in_bytes: float | None
    out_bytes: float | None
    answers: AnswerRate = NO_ANSWERS

    @property
    def key(self) -> Key:
        """What it is told by from one frame to the next."""
        return self.vs, self.rs


@dataclass(frozen=True)
class DropRate:
    """A reason per second."""

    reason: str
    rate: float | None
    total: int


@dataclass(frozen=True)
class Frame:
    """What is shown at once; `restarted`: slbd is not the one of the sample before."""

    restarted: bool
    version: Version
    workers: Sequence[WorkerRate]
    vs: Sequence[TrafficRate]
    rs: Sequence[TrafficRate]
    rs_unread: int
    drops: Sequence[DropRate]


def frame(before: Sample, now: Sample) -> Frame:
    """The rates between two samples; none across a restart of slbd."""
    restarted = before.version.instance != now.version.instance
    seconds = max(now.at - before.at, 1e-3)
    old = Sample(before.at, before.version, (), (), (), ()) if restarted else before
    workers = {row.worker: row for row in old.workers}
    drops = {row.reason: row.total for row in old.drops}
    vs = {row.vs: row for row in old.vs}
    rs = {(row.vs, row.rs): row for row in old.rs}
    return Frame(
        restarted,
        now.version,
        [_worker(workers.get(row.worker), row, seconds) for row in now.workers],
        [_traffic((row.vs, ""), row, vs.get(row.vs), seconds) for row in now.vs],
        [_traffic(key, row, rs.get(key), seconds) for row in now.rs for key in [(row.vs, row.rs)]],
        now.rs_unread,
        [
            DropRate(row.reason, _rate(drops.get(row.reason), row.total, seconds), row.total)
            for row in now.drops
        ],
    )


class History:
    """The last rates of everything that is shown, for sparklines."""

    def __init__(self) -> None:
        self._kept: dict[Key, deque[float]] = {}

    def add(self, shown: Frame) -> None:
        """Takes a frame in, and forgets what is no longer there."""
        found: dict[Key, float | None] = {
            **{("worker", str(row.worker)): row.busy for row in shown.workers},
            **{row.key: row.packets for row in [*shown.vs, *shown.rs]},
            **{("drop", row.reason): row.rate for row in shown.drops},
            ("all", "packets"): total(shown.workers, lambda row: row.rx),
            ("all", "new"): total(shown.workers, lambda row: row.new),
        }
        self._kept = {
            key: self._with(key, value) for key, value in found.items() if value is not None
        }

    def of(self, key: Key) -> Sequence[float]:
        """The rates of one thing, the latest last."""
        return list(self._kept.get(key, ()))

    def _with(self, key: Key, value: float) -> deque[float]:
        kept = self._kept.get(key) or deque[float](maxlen=SPARK_WIDTH)
        kept.append(value)
        return kept


def total(rows: Iterable[Row], value: Callable[[Row], float | None]) -> float | None:
    """The sum of what is known; None when nothing is."""
    known = [found for row in rows if (found := value(row)) is not None]
    return sum(known) if known else None


SORTS: Mapping[str, Callable[[TrafficRate], float]] = {
    "rate": lambda row: (row.in_bytes or 0.0) + (row.out_bytes or 0.0),
    "packets": lambda row: row.packets or 0.0,
    "new": lambda row: row.new or 0.0,
    "active": lambda row: row.active,
}


def by(sort: str, rows: Sequence[TrafficRate]) -> list[TrafficRate]:
    """The rows with the most first, or by name."""
    if sort == "name":
        return sorted(rows, key=lambda row: row.key)
    return sorted(rows, key=SORTS[sort], reverse=True)


def _rate(before: int | None, now: int, seconds: float) -> float | None:
    # A counter that went back belongs to a daemon that was started while it was read.
    return None if before is None else max(now - before, 0) / seconds


def _worker(before: WorkerView | None, now: WorkerView, seconds: float) -> WorkerRate:
    def rate(field: str) -> float | None:
        was = None if before is None else getattr(before, field)
        return _rate(was, getattr(now, field), seconds)

    busy, idle = rate("busy_cycles"), rate("idle_cycles")
    share = busy / (busy + idle) if busy is not None and idle is not None and busy + idle else None
    return WorkerRate(
        worker=now.worker,
        cpu=now.cpu,
        state=now.state,
        busy=share,
        rx=rate("rx_packets"),
        tx=rate("tx_packets"),
        new=rate("sessions_created"),
        active=now.sessions_active,
        dropped=rate("dropped"),
    )


def _traffic(
    key: Key, now: VsView | RsView, before: VsView | RsView | None, seconds: float
) -> TrafficRate:
    def rate(*fields: str) -> float | None:
        was = None if before is None else _sum(before.traffic, fields)
        return _rate(was, _sum(now.traffic, fields), seconds)

    return TrafficRate(
        *key,
        active=now.traffic.active,
        new=rate("sessions"),
        packets=rate("in_packets", "out_packets"),
        in_bytes=rate("in_bytes"),
        out_bytes=rate("out_bytes"),
        answers=NO_ANSWERS if before is None else _answers(before.answers, now.answers, seconds),
    )


def _answers(before: Answers, now: Answers, seconds: float) -> AnswerRate:
    def more(*fields: str) -> float:
        return max(_sum(now, fields) - _sum(before, fields), 0)

    return AnswerRate(
        unanswered=_share(more("unanswered"), more(*DECIDED)),
        refused=more("refused") / seconds,
        resets=more("resets") / seconds,
        latency_us=_share(more("latency_us"), more("samples")),
    )


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _sum(counters: Traffic | Answers, fields: Iterable[str]) -> int:
    return sum(getattr(counters, field) for field in fields)
