# SPDX-License-Identifier: BSD-3-Clause
"""What walks over all sessions take of a worker."""

from collections.abc import Callable

from bench.figure import Figure, Goal, short
from bench.native import ACCOUNTS, measure

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


def _under_load(sessions: int, runs: int) -> list[Figure]:
    """What a worker loses that forwards packets of other RS meanwhile, at half load."""
    lost, took = {}, {}
    for kind, name in (("UDP", "reset-load"), ("TCP", "reset-load-tcp")):
        found = measure(name, sessions, runs, MEGABYTES[sessions], ACCOUNTS).cycles
        for part in ("one RS", "half"):
            ended = f"{kind}, {found[f'{part} ended'][0]:,.0f} of {sessions:,}"
            lost[ended], took[ended] = found[f"{part} lost"], found[f"{part} ms"]
    key = f"reset.{short(sessions)}"
    what = "while sessions of one RS of 64 are ended, and of half of them"
    return [
        Figure(
            f"{key}.lost",
            f"packets of other RS lost, at half load, in all runs, {what}",
            sum(map(sum, lost.values())),
            Goal(0, 0),
            lost,
        ),
        Figure(f"{key}.load", f"milliseconds {what}", max(map(min, took.values())), None, took),
    ]


def resets(*sizes: int) -> Callable[[int], list[Figure]]:
    """The walks that end sessions, by themselves and under load."""
    alone = of("reset", *sizes)
    return lambda runs: [
        *alone(runs),
        *(figure for sessions in sizes for figure in _under_load(sessions, runs)),
    ]


def of(name: str, *sizes: int) -> Callable[[int], list[Figure]]:
    """The walks of one of the program's measurements, over each of these numbers of sessions."""
    return lambda runs: [figure for sessions in sizes for figure in _figures(name, sessions, runs)]
