# SPDX-License-Identifier: BSD-3-Clause
"""What a walk that ends sessions takes of a worker."""

from bench.figure import Figure, Goal
from bench.native import measure

MEGABYTES = 1024
SESSIONS = 1_000_000
KINDS = ("looks at UDP", "looks at TCP", "ends of UDP", "ends of TCP")


def figures(runs: int) -> list[Figure]:
    """The rounds of walks that end none and all, and how long they are together."""
    found = measure("reset", SESSIONS, runs, MEGABYTES)

    def sides(what: str) -> dict[str, list[float]]:
        return {kind: found.cycles[f"{kind} {what}"] for kind in KINDS}

    def worst(of: dict[str, list[float]]) -> float:
        return round(max(map(min, of.values())), 1)

    round_us, whole = sides("us, 99.9 %"), sides("ms")
    what = "microseconds of a round that ends sessions, 99.9 % of the rounds"
    return [
        Figure("reset.us", what, worst(round_us), Goal(20, 200), round_us),
        Figure("reset.ms", f"milliseconds for {SESSIONS:,} sessions", worst(whole), None, whole),
    ]
