# SPDX-License-Identifier: BSD-3-Clause
"""`./dev bench --compare REV`: this checkout beside another revision, in turn, in one run.

Each side is measured by its own bench, one run at a time, so that what the machine does meanwhile
meets both alike. A yardstick that both have beside them (5tswap, rte_hash) should come to 1.00; how
far it is from there says how much of a difference is the machine's.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from bench.native import ROOT
from bench.revision import CACHE, Side, build, checkout

# Sides of a figure that are not the engine.
YARDSTICKS = frozenset(
    {
        *("5tswap", "testpmd", "io", "io p99.9", "kernel", "routed", "generator"),
        *("rte_hash", "rte_hash, roomy", "two lines", "added", "deleted"),
        *(
            f"exchange, path, {which}{of}"
            for which in ("first", "second")
            for of in ("", " of two")
        ),
    }
)

# Figures of which no side is.
WHOLLY = frozenset({"m5.hole"})

Written = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """One side of one figure, in every run of both revisions."""

    name: str
    rev: tuple[float, ...]
    here: tuple[float, ...]
    more: bool = False
    yardstick: bool = False
    judged: bool = True  # whether more of it, or less, is known to be worse

    def ratio(self) -> float:
        """The best of here divided by the best of the other."""
        best = max if self.more else min
        return _ratio(best(self.here), best(self.rev))

    def slower(self, bound: float) -> bool:
        """Whether here is worse than the bound allows; a yardstick never is."""
        ratio = self.ratio()
        worse = 1 / ratio if self.more and ratio > 0 else ratio
        return self.judged and not self.yardstick and worse > bound

    def line(self) -> str:
        """A row of the table."""
        best = max if self.more else min
        sides = "".join(
            f" {best(s):>10.2f} {f'({median(s):.2f})':<12}" for s in (self.rev, self.here)
        )
        middle = f"({_ratio(median(self.here), median(self.rev)):.3f})"
        note = " yardstick" if self.yardstick else ""
        return f"{self.name:<32}{sides} {self.ratio():>7.3f} {middle}{note}"

    def plain(self) -> dict[str, object]:
        """The same for a file."""
        return {
            "rev": list(self.rev),
            "here": list(self.here),
            "ratio": self.ratio(),
            "more_is_better": self.more,
            "yardstick": self.yardstick,
        }


def rows(rev: Sequence[Written], here: Sequence[Written]) -> list[Row]:
    """What both sides wrote in each of their runs, beside each other."""
    found = []
    for key, figure in here[0].items():
        if key == "machine" or key not in rev[0]:
            continue
        for side in figure["sides"] or [None]:
            theirs, ours = (_values(runs, key, side) for runs in (rev, here))
            if theirs and ours:
                more = side is None and bool(figure.get("more", False))
                name = key if side is None else f"{key} {side}"
                judged = side is not None or figure["target"] is not None
                yardstick = side in YARDSTICKS or key in WHOLLY
                found.append(Row(name, theirs, ours, more, yardstick, judged))
    return found


def _values(runs: Sequence[Written], key: str, side: str | None) -> tuple[float, ...]:
    figures = [run[key] for run in runs if key in run]
    if side is None:
        return tuple(figure["value"] for figure in figures)
    return tuple(n for figure in figures for n in figure["sides"].get(side, {"runs": ()})["runs"])


def _ratio(here: float, rev: float) -> float:
    if rev == 0:
        return 1.0 if here == 0 else float("inf")
    return here / rev


def run(
    revision: str,
    names: Sequence[str],
    runs: int,
    bound: float | None,
    file: Path | None,
    cache: Path = CACHE,
) -> int:
    """Measure both, print the table; the exit status: 1 when a bound is given and passed.

    Raises RuntimeError when the revision is not there, lacks a measurement or does not build.
    """
    here = Side("here", ROOT)
    written: dict[str, list[Written]] = {"rev": [], "here": []}
    with ExitStack() as stack:
        rev = stack.enter_context(checkout(revision, cache=cache))
        if lacking := [name for name in names if name not in rev.names()]:
            raise RuntimeError(f"{rev.name} has no measurement {', '.join(lacking)}")
        build(rev)
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="slb-bench-")))
        for number in range(runs):
            for label, side in (("rev", rev), ("here", here)):
                print(f"run {number + 1} of {runs}: {side.name}", file=sys.stderr, flush=True)
                side.measure(names, folder / "figures.json")
                written[label].append(json.loads((folder / "figures.json").read_text()))
        name = rev.name
    table = rows(written["rev"], written["here"])
    head = f"{'best (median) of the runs':<32} {name:<23} {'here':<23} here ÷ REV"
    print("\n".join([head, *(row.line() for row in table)]))
    if file is not None:
        plain = {row.name: row.plain() for row in table}
        machines = {side: runs[-1]["machine"] for side, runs in written.items()}
        file.write_text(json.dumps({"machines": machines, "rows": plain}, indent=2) + "\n")
    return _judge(table, bound)


def _judge(table: Sequence[Row], bound: float | None) -> int:
    slower = [row.name for row in table if bound is not None and row.slower(bound)]
    if slower:
        print(f"slower than {bound:g} times: {', '.join(slower)}")
    return 1 if slower else 0
