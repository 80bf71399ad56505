# SPDX-License-Identifier: BSD-3-Clause
"""What a change of the tables costs a worker that forwards meanwhile."""

from statistics import median

from bench.figure import Figure, Goal
from bench.native import ACCOUNTS, measure

MEGABYTES = 1024
SESSIONS = 100_000
WHOLE = ("commit", "rewrite", "remove")
EACH = ("add-each", "rewrite-each", "remove-each")


def figures(runs: int, name: str = "control", sessions: int = SESSIONS) -> list[Figure]:
    """The worst round of every kind of change, and what was lost."""
    found = measure(name, sessions, runs, MEGABYTES, ACCOUNTS)

    def side(kinds: tuple[str, ...], what: str) -> dict[str, list[float]]:
        return {kind: found.cycles[f"{kind} {what}"] for kind in kinds}

    def worst(sides: dict[str, list[float]]) -> float:
        # Of each kind the least, as whatever else the machine does can only add to it.
        return round(max(map(min, sides.values())), 1)

    whole, lost, each = side(WHOLE, "us"), side(WHOLE + EACH, "lost"), side(EACH, "us")
    sweeps, holes = side(WHOLE + EACH, "sweep"), side(WHOLE + EACH, "hole")
    change = "1,000 VS with 32 RS each"
    return [
        Figure(
            "m5.us",
            f"worst microseconds of control work in a round, {change} in one transaction",
            worst(whole),
            Goal(20, 200),
            whole,
            found.left_out,
        ),
        Figure(
            "m5.lost",
            "packets lost meanwhile, at half load, also with each VS a transaction",
            # What the engine loses it loses in every run, and what an interruption costs in few.
            sum(map(median, lost.values())),
            Goal(0, 0),
            lost,
        ),
        Figure("m5.lost_all", "the sum of all runs", sum(map(sum, lost.values()))),
        Figure(
            "m5.hole",
            "microseconds without a CPU at worst, of a loop that reads the clock for as long",
            round(max(map(median, holes.values())), 1),
            None,
            holes,
        ),
        Figure("m5.each", "the worst when each VS is a transaction", worst(each), None, each),
        Figure("m5.sweep", "of it, looking for a removed RS's sessions", worst(sweeps)),
    ]
