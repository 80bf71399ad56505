# SPDX-License-Identifier: BSD-3-Clause
"""Cycles a packet of a loop that goes on by itself, from its counters read again and again.

What happens between two readings is a slice; one in which something else had the CPU for more
than 50 microseconds is left out, as the bench program leaves rounds out (csrc/bench/stopwatch.c).
"""

from collections.abc import Iterable
from dataclasses import dataclass

DISTURBED_S = 50e-6
# Cycles are counted a burst later than packets, which must not weigh.
SLICE_PACKETS = 8_192


@dataclass(frozen=True)
class Point:
    """Both from the loop's start on."""

    cycles: int
    packets: int


@dataclass(frozen=True)
class Reading:
    """Cycles a packet, and how many slices are not in it."""

    cycles: float
    left_out: int


def read(points: Iterable[Point], hz: float) -> Reading:
    """Take the slices together that were undisturbed; raises RuntimeError if there are none."""
    slices = _slices(points)
    if not slices:
        raise RuntimeError(f"no {SLICE_PACKETS:,} packets went through while counters were read")
    least = min(s.cycles / s.packets for s in slices)
    kept = [s for s in slices if s.cycles <= least * s.packets + DISTURBED_S * hz]
    cycles = sum(s.cycles for s in kept) / sum(s.packets for s in kept)
    return Reading(cycles, len(slices) - len(kept))


def _slices(points: Iterable[Point]) -> list[Point]:
    slices = []
    last: Point | None = None
    for point in points:
        if last is None:
            last = point
        elif point.packets - last.packets >= SLICE_PACKETS:
            slices.append(Point(point.cycles - last.cycles, point.packets - last.packets))
            last = point
    return slices
