# SPDX-License-Identifier: BSD-3-Clause
"""A figure that the bench comes to, and what it should be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True)
class Goal:
    """`floor`: what must be reached, if anything; `target`: what shall be.

    Bigger is worse unless `more`.
    """

    target: float
    floor: float | None = None
    more: bool = False

    def said(self, value: float) -> str:
        """How a value does, in a word."""
        sign = -1 if self.more else 1
        if sign * value <= sign * self.target:
            return "good"
        reached = self.floor is None or sign * value <= sign * self.floor
        return "ok" if reached else "MISSED"


@dataclass(frozen=True)
class Figure:
    """One value; `sides`: what it was made of, each the runs' cycles or other units."""

    key: str
    what: str
    value: float
    goal: Goal | None = None
    sides: Mapping[str, Sequence[float]] = field(default_factory=dict)
    left_out: int = 0

    @property
    def misses(self) -> bool:
        """Whether it does not reach its floor."""
        return self.goal is not None and self.goal.said(self.value) == "MISSED"

    def line(self) -> str:
        """A row of the table."""
        goals = f"{'-':>8} {'-':>8} {'':<6}"
        if self.goal is not None:
            sign = "≥" if self.goal.more else "≤"
            said = self.goal.said(self.value)
            floor = "-" if self.goal.floor is None else f"{self.goal.floor:g}"
            goals = f"{sign + f'{self.goal.target:g}':>8} {floor:>8} {said:<6}"
        sides = ", ".join(
            f"{side} {min(runs):.1f} ({median(runs):.1f})" for side, runs in self.sides.items()
        )
        if self.left_out:
            sides += f"; {self.left_out} rounds left out"
        words = ": ".join(filter(None, [self.what, sides]))
        return f"{self.key:<16} {self.value:>10.2f} {goals} {words}"

    def plain(self) -> dict[str, object]:
        """The same for a file."""
        goal = self.goal
        return {
            "value": self.value,
            "target": goal.target if goal else None,
            "floor": goal.floor if goal else None,
            "more": goal.more if goal else False,
            "what": self.what,
            "sides": {
                side: {"min": min(runs), "median": median(runs), "runs": list(runs)}
                for side, runs in self.sides.items()
            },
            "rounds_left_out": self.left_out,
        }


HEAD = (
    f"{'figure':<16} {'value':>10} {'target':>8} {'floor':>8} {'':<6} minimum (median) of the runs"
)


def short(sessions: int) -> str:
    """`1k`, `10m`."""
    return f"{sessions // 1_000_000}m" if sessions >= 1_000_000 else f"{sessions // 1_000}k"


def together(sides: Mapping[str, Sequence[float]], pair: tuple[str, str]) -> float:
    """Packets a cycle of two sides at once, in the best of the runs: of the same one."""
    first, second = (sides[side] for side in pair)
    return max(1 / a + 1 / b for a, b in zip(first, second, strict=True))
