# SPDX-License-Identifier: BSD-3-Clause
"""What became of an RS's sessions of late, from counters that only grow. Pure.

The counter of an RS that waits for an answer is nobody's: what is opened and neither answered,
refused nor given up by its client is waiting. So that what began just now is not held against an
RS, only what was opened a while ago is compared with what has been answered until now. That tells
of an RS that is silent within a window, long before its first session has ended.
"""

from collections import deque
from typing import NamedTuple

from slb.model.views import RsAnswers

# What is younger may be on its way.
GRACE_S = 0.75
# Points of a window.
POINTS = 10
# Fewer of them say nothing of how long an answer takes.
SAMPLES = 5


class Counts(NamedTuple):
    """Counters of an RS at one time."""

    opened: int
    answered: int
    refused: int
    aborted: int
    resets: int
    latency_us: int
    samples: int

    @classmethod
    def of(cls, row: RsAnswers) -> "Counts":
        """Take them from a reading."""
        return cls(
            *(row.sessions, row.answered, row.refused, row.aborted),
            *(row.resets, row.latency_us, row.samples),
        )


NOTHING = Counts(0, 0, 0, 0, 0, 0, 0)


class Figures(NamedTuple):
    """Of the connections of one window."""

    answered: int
    refused: int
    unanswered: int
    resets: int
    latency_ms: float | None
    # Of those since the last answer, of which none has had one.
    lately: "Figures | None" = None

    @property
    def connections(self) -> int:
        """All that has been decided, or should have been."""
        return self.answered + self.refused + self.unanswered

    def __str__(self) -> str:
        numbers = (self.unanswered, "unanswered"), (self.refused, "refused"), (self.resets, "reset")
        parts = [f"{self.connections} connections"]
        parts += [f"{number} {name}" for number, name in numbers if number]
        if self.latency_ms is not None:
            parts.append(f"answer in {self.latency_ms:.3g} ms")
        return ", ".join(parts)


class Window:
    """Counters over the last `length_s`; times are seconds of any one clock."""

    __slots__ = ("_answer", "_length", "_points")

    def __init__(self, length_s: float) -> None:
        self._length = length_s
        self._points: deque[tuple[float, Counts]] = deque()
        # The reading that the last answers came with.
        self._answer = NOTHING

    def forget(self) -> None:
        """Begin anew."""
        self._points.clear()

    def take(self, now: float, counts: Counts) -> Figures | None:
        """Take a reading; returns the window's figures, None while there is only one reading.

        Counters that are less than they were are another slbd's, or another VS's.
        """
        points = self._points
        if points and _went_back(points[-1][1], counts):
            points.clear()
        if not points or counts.answered != self._answer.answered:
            self._answer = counts
        while len(points) > 1 and now - points[1][0] >= self._length:
            points.popleft()
        found = self._figures(now, counts)
        if not points or now - points[-1][0] >= self._length / POINTS:
            points.append((now, counts))
        return found

    def _figures(self, now: float, counts: Counts) -> Figures | None:
        early = None
        for at, point in reversed(self._points):
            if now - at >= GRACE_S:
                early = point
                break
        if early is None:
            return None
        lately = None
        if counts is not self._answer:
            lately = _between(self._answer, early, counts, None)
        return _between(self._points[0][1], early, counts, lately)


def _went_back(old: Counts, new: Counts) -> bool:
    return (
        new.opened < old.opened
        or new.answered < old.answered
        or new.refused < old.refused
        or new.samples < old.samples
    )


def _between(base: Counts, early: Counts, counts: Counts, lately: Figures | None) -> Figures:
    answered, refused = counts.answered - base.answered, counts.refused - base.refused
    opened = early.opened - base.opened - (counts.aborted - base.aborted)
    samples = counts.samples - base.samples
    latency = (counts.latency_us - base.latency_us) / 1000
    return Figures(
        answered,
        refused,
        max(0, opened - answered - refused),
        counts.resets - base.resets,
        latency / samples if samples >= SAMPLES else None,
        lately,
    )
