# SPDX-License-Identifier: BSD-3-Clause
"""What walks over all sessions take of a worker."""

from collections.abc import Callable

from bench.figure import Figure, Goal, short
from bench.native import measure

MEGABYTES = {1_000: 512, 1_000_000: 1024, 10_000_000: 2048}
GOAL = Goal(20, 200)


def _figures(name: str, sessions: int, runs: int) -> list[Figure]:
    """The worst round, the worst of 999 in 1,000, and how long a whole walk is."""
    found = measure(name, sessions, runs, MEGABYTES[sessions])

    def of(ending: str) -> dict[str, list[float]]:
        sides = found.cycles.items()
        return {side.removesuffix(ending): every for side, every in sides if side.endswith(ending)}

    def figure(key: str, what: str, ending: str, goal: Goal | None, left_out: int = 0) -> Figure:
        sides = of(f" {ending}")
        worst = round(max(map(min, sides.values())), 2)
        return Figure(f"{name}.{short(sessions)}.{key}", what, worst, goal, sides, left_out)

    what = f"microseconds of a round, {sessions:,} sessions"
    return [
        figure("us", f"{what}, the worst, each in its best run", "us in its best run", GOAL),
        figure("run", f"{what}, the worst of a run", "us at worst", None, found.left_out),
        figure("tail", f"{what}, 99.9 % of them", "us, 99.9 %", None),
        figure("mean", what, "us a round", None),
        figure(
            "ms", f"milliseconds for {sessions:,} sessions, one round after another", "ms", None
        ),
    ]


def of(name: str, *sizes: int) -> Callable[[int], list[Figure]]:
    """The walks of one of the program's measurements, over each of these numbers of sessions."""
    return lambda runs: [figure for sessions in sizes for figure in _figures(name, sessions, runs)]
