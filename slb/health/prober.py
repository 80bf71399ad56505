# SPDX-License-Identifier: BSD-3-Clause
"""Makes all checks in one thread: an epoll, and a heap of what is due when.

A check costs no task and no thread, so that ten thousand every two seconds are no burden. A target
has one entry in the heap at a time that counts: when its next check begins, or the running one has
taken too long.

With more to do than the thread can, checks come late, but do not fail for that: few begin at a
time, so that those that have begun go on, and what has come is looked at before it is judged.
"""

import heapq
import logging
import os
import random
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

from slb.health.kinds import PROBES
from slb.health.probe import DONE, Bad, NoResult, Probe, Waiting, inconclusive, words
from slb.health.tally import Tally
from slb.health.target import Target

log = logging.getLogger(__name__)

MAX_WAIT_S = 1.0
# Without a turn for so long, which is far more than MAX_WAIT_S, the thread hangs: in a system call
# that does not return.
HANGS_S = 5.0
STOP_S = 2.0
# So many begin in one turn.
BATCH = 32
# So many are told of at a time.
MOST_EVENTS = 1024
NOTHING: Mapping[Target, float] = {}


class Counts(NamedTuple):
    """What checks came to; `no_result`: of those that said nothing about the RS."""

    good: int = 0
    bad: int = 0
    no_result: int = 0


NONE = Counts()


@dataclass(frozen=True)
class Result:
    """What is known of a target; times of time.monotonic().

    `silent`: why the last check said nothing about the RS, "" if it did.
    """

    state: str
    reason: str
    since: float
    latency_s: float | None
    counts: Counts = NONE
    silent: str = ""


@dataclass(frozen=True)
class Measured:
    """The checks of all targets: what they came to; how many run, wait, and keep a connection.

    `most`: how many may do the first or the last at a time.
    """

    alive: bool = False
    counts: Counts = NONE
    running: int = 0
    waiting: int = 0
    kept: int = 0
    most: int = 0
    results: Mapping[Target, Result] = field(default_factory=dict)


class _Run:
    """A target with its checks: one that runs, or what the last has left for the next.

    `fd`: what a running one waits for, or what stays open for the next.
    """

    __slots__ = (
        "at",
        "bad",
        "began",
        "fd",
        "good",
        "latency",
        "no_result",
        "probe",
        "running",
        "silent",
        "tally",
        "target",
        "turn",
    )

    def __init__(self, target: Target, now: float) -> None:
        self.target = target
        self.tally = Tally(target.check, now)
        self.at = now
        self.began = now
        self.latency: float | None = None
        self.good = self.bad = self.no_result = 0
        self.probe: Waiting | None = None
        self.running = False
        self.silent = ""
        self.fd = -1
        # The number of the heap's entry that counts.
        self.turn = 0


class Prober:
    """`changed` is called, in the checks' thread, when a target goes down or comes back.

    `fallen`: what is down already, and since when. Of `max_open` connections at most three quarters
    are kept for later checks.
    """

    def __init__(
        self,
        changed: Callable[[], None],
        max_open: int,
        probes: Mapping[str, Probe] = PROBES,
        fallen: Mapping[Target, float] = NOTHING,
    ) -> None:
        self._changed = changed
        self._max_open = max_open
        self._probes = probes
        self._epoll = select.epoll()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._wake, select.EPOLLIN)
        self._runs: dict[Target, _Run] = {}
        # By what they wait for.
        self._open: dict[int, _Run] = {}
        self._kept = 0
        self._most_kept = max_open * 3 // 4
        self._heap: list[tuple[float, int, _Run]] = []
        self._waiting: deque[tuple[int, _Run]] = deque()
        self._turns = count(1)
        self._fallen = dict(fallen)
        self._wanted: frozenset[Target] | None = None
        self._stop = False
        self._paused = False
        self._turned_at = time.monotonic()
        self._complained = ""
        self._good = self._bad = self._no_result = 0
        self._thread = threading.Thread(target=self._live, name="slb-health", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and close everything; of a thread that hangs nothing is taken away."""
        self._stop = True
        self._poke()
        self._thread.join(STOP_S)
        if self._thread.is_alive():
            log.error("the checks' thread hangs, and is left behind")
        else:
            self._close()

    def _close(self) -> None:
        for run in self._runs.values():
            self._end(run)
        self._epoll.close()
        os.close(self._wake)

    def set(self, targets: Iterable[Target]) -> None:
        """Check these from now on; those that were checked before keep their state."""
        self._wanted = frozenset(targets)
        self._poke()

    def pause(self, paused: bool) -> None:
        """While paused results say nothing, as the host's way to the RS may be gone."""
        self._paused = paused

    @property
    def alive(self) -> bool:
        """Whether checks are made."""
        return self._thread.is_alive()

    @property
    def hangs(self) -> bool:
        """Whether the thread is there, and has not come round for long."""
        return self.alive and time.monotonic() - self._turned_at > HANGS_S

    def fallen(self) -> dict[Target, float]:
        """Return what is down, and since when."""
        return self._fallen.copy()

    def results(self) -> dict[Target, Result]:
        """Return what is known of every target."""
        return {
            target: Result(
                run.tally.state,
                run.tally.reason,
                run.tally.since,
                run.latency,
                Counts(run.good, run.bad, run.no_result),
                run.silent,
            )
            for target, run in self._runs.copy().items()
        }

    def silent(self) -> dict[Target, str]:
        """Return of whom the last check said nothing, and why."""
        return {target: run.silent for target, run in self._runs.copy().items() if run.silent}

    def counts(self) -> Counts:
        """Return what all checks came to, those of former targets too."""
        return Counts(self._good, self._bad, self._no_result)

    def load(self) -> tuple[int, int, int, int]:
        """Return how many checks run, wait to begin, keep a connection, and may run or keep one."""
        return len(self._open), len(self._waiting), self._kept, self._max_open

    def _poke(self) -> None:
        os.eventfd_write(self._wake, 1)

    def _live(self) -> None:
        try:
            self._turn()
        except Exception as error:
            # Whoever looks whether this thread is alive begins anew.
            log.error("the checks have ended, a defect: %s: %s", type(error).__name__, error)

    def _turn(self) -> None:
        seen = time.monotonic()
        while not self._stop:
            self._turned_at = time.monotonic()
            events = self._epoll.poll(self._patience(), MOST_EVENTS)
            # All that had come by then is known.
            if len(events) < MOST_EVENTS:
                seen = time.monotonic()
            for fd, _ in events:
                if fd == self._wake:
                    os.eventfd_read(fd)
                elif run := self._open.get(fd):
                    self._go_on(run)
            self._take_wanted()
            self._take_due(seen)

    def _patience(self) -> float:
        if self._waiting and self._has_room():
            return 0.0
        if not self._heap:
            return MAX_WAIT_S
        # epoll counts milliseconds; rounded down it would turn until the time has come.
        left = self._heap[0][0] - time.monotonic() + 0.001
        return min(max(left, 0.0), MAX_WAIT_S)

    def _take_wanted(self) -> None:
        wanted, self._wanted = self._wanted, None
        if wanted is None:
            return
        now, before = time.monotonic(), len(self._fallen)
        for target in self._runs.keys() - wanted:
            run = self._runs.pop(target)
            run.turn = 0
            self._end(run)
        for target in self._fallen.keys() - wanted:
            del self._fallen[target]
        for target in wanted - self._runs.keys():
            run = self._runs[target] = _Run(target, now)
            if (since := self._fallen.get(target)) is not None:
                run.tally.begin_down("it was down when the checks began", since)
            # All begun at once would come at once for ever.
            self._plan(run, now + random.random() * target.check.interval_s)
        if len(self._fallen) != before:
            self._tell()

    def _plan(self, run: _Run, at: float) -> None:
        run.turn = next(self._turns)
        heapq.heappush(self._heap, (at, run.turn, run))

    def _take_due(self, seen: float) -> None:
        heap = self._heap
        while heap and heap[0][0] <= seen:
            _, turn, run = heapq.heappop(heap)
            if turn != run.turn:
                continue
            if run.running:
                self._end(run)
                self._done(run, f"no answer within {run.target.check.timeout_s:g} s")
            else:
                self._waiting.append((turn, run))
        # Those that are open end within their time, and then there is room.
        now, begun = time.monotonic(), 0
        while self._waiting and begun < BATCH and self._has_room():
            turn, run = self._waiting.popleft()
            if turn == run.turn:
                self._begin(run, now)
                begun += 1

    def _has_room(self) -> bool:
        return len(self._open) + self._kept < self._max_open

    def _begin(self, run: _Run, now: float) -> None:
        run.began, run.running = now, True
        if run.probe is None:
            run.probe = self._probes[run.target.check.kind](run.target)
        if run.fd >= 0:
            self._kept -= 1
            self._open[run.fd] = run
        self._plan(run, now + run.target.check.timeout_s)
        self._go_on(run)

    def _go_on(self, run: _Run) -> None:
        assert run.probe is not None
        try:
            fd, mask = next(run.probe)
            if mask == DONE:
                self._keep(run, fd)
                self._done(run, None)
            else:
                self._watch(run, fd, mask)
        except StopIteration:
            self._end(run)
            self._done(run, None)
        except (Bad, NoResult, OSError) as error:
            self._end(run)
            self._done(run, words(error), inconclusive(error))
        except Exception as error:
            # A defect of a check's must neither end the others nor take an RS out.
            self._end(run)
            self._done(run, f"a defect: {type(error).__name__}: {error}", True)

    def _watch(self, run: _Run, fd: int, mask: int) -> None:
        known = fd == run.fd
        if not known:
            self._leave(run)
            self._open[fd] = run
            run.fd = fd
        # What is kept is not watched until it is waited for again. The number may be that of one
        # that was closed meanwhile.
        mask |= select.EPOLLONESHOT
        try:
            (self._epoll.modify if known else self._epoll.register)(fd, mask)
        except (FileNotFoundError, FileExistsError):
            (self._epoll.register if known else self._epoll.modify)(fd, mask)

    def _keep(self, run: _Run, fd: int) -> None:
        if fd >= 0 and self._kept >= self._most_kept:
            self._end(run)
            return
        self._leave(run)
        run.running = False
        if fd >= 0:
            run.fd = fd
            self._kept += 1

    def _done(self, run: _Run, bad: str | None, inconclusive: bool = False) -> None:
        now = time.monotonic()
        check = run.target.check
        spread = check.interval_s * check.jitter_percent / 100
        # From when it did begin: after one that came late the next comes no sooner than it should.
        at = run.began + check.interval_s + (random.random() - 0.5) * spread
        self._plan(run, max(at, now))
        run.silent = (bad or "") if inconclusive else ""
        if inconclusive or self._paused:
            run.no_result += 1
            self._no_result += 1
            if inconclusive:
                self._complain(run, bad or "")
            else:
                run.tally.forget()
        elif bad is None:
            run.good += 1
            self._good += 1
            run.latency = now - run.began
            if run.tally.good(now):
                self._turned(run)
        else:
            run.bad += 1
            self._bad += 1
            if run.tally.bad(bad, now):
                self._turned(run)

    def _turned(self, run: _Run) -> None:
        if run.tally.state == "down":
            self._fallen[run.target] = run.tally.since
        elif self._fallen.pop(run.target, None) is None:
            return
        self._tell()

    def _tell(self) -> None:
        # Whoever has stopped it may be gone himself, where the thread was left behind.
        if not self._stop:
            self._changed()

    def _complain(self, run: _Run, what: str) -> None:
        if what != self._complained:
            log.warning("checks of %s and maybe others say nothing: %s", run.target.at, what)
            self._complained = what

    def _leave(self, run: _Run) -> None:
        if run.fd >= 0:
            self._open.pop(run.fd, None)
            run.fd = -1

    def _end(self, run: _Run) -> None:
        if run.fd >= 0 and not run.running:
            self._kept -= 1
        # The descriptor is forgotten before it is closed and may be another one's.
        self._leave(run)
        run.running = False
        if run.probe is not None:
            run.probe.close()
            run.probe = None
