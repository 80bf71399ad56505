# SPDX-License-Identifier: BSD-3-Clause
"""`./dev bench`: how fast the engine is, beside what else there is, each in one run."""

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import compare, machine, plot
from bench.figure import HEAD, Figure
from bench.measures import MEASURES


def arguments() -> argparse.Namespace:
    """What was asked for; ends the process with a sentence when it makes no sense."""
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{' '.join(MEASURES)}: all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--runs", type=int, default=5, help="of each side; default 5")
    parser.add_argument(
        "--compare", metavar="REV", help="beside that revision of this repository, in turn"
    )
    parser.add_argument(
        "--bound",
        type=float,
        metavar="RATIO",
        help="with --compare: fail when anything here costs more than so many times as much",
    )
    parser.add_argument(
        "--plot",
        type=Path,
        metavar="DIR",
        help=f"draw SVG there; without NAME measures {' '.join(plot.MEASURES)}",
    )
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - set(MEASURES):
        there = ", ".join(MEASURES)
        parser.error(f"nothing is called {', '.join(sorted(unknown))}; there are {there}")
    if chosen.runs < 1:
        parser.error("--runs: at least 1")
    if chosen.compare and not chosen.names:
        parser.error("--compare: name what is to be compared, such as m1b m9")
    if chosen.compare and chosen.plot:
        parser.error("--compare has nothing to plot")
    if chosen.bound is not None and not chosen.compare:
        parser.error("--bound goes with --compare")
    return chosen


def measure(names: Sequence[str], runs: int) -> list[Figure]:
    """Measure and print each figure when it is there."""
    print(HEAD)
    figures: list[Figure] = []
    for name in names:
        for figure in MEASURES[name](runs):
            print(figure.line(), flush=True)
            figures.append(figure)
    return figures


def ended(number: int, _: object) -> None:
    """Have what was made for a measurement go, whoever repeats the signal meanwhile."""
    signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + number)


def main() -> int:
    """Measure, print, and write JSON where asked; the exit status."""
    signal.signal(signal.SIGTERM, ended)
    chosen = arguments()
    if chosen.compare:
        return compare.run(chosen.compare, chosen.names, chosen.runs, chosen.bound, chosen.json)
    host = machine.record()
    print(machine.lines(host))
    every = plot.MEASURES if chosen.plot else list(MEASURES)
    figures = measure(chosen.names or every, chosen.runs)
    if chosen.json:
        written = {"machine": host, **{figure.key: figure.plain() for figure in figures}}
        chosen.json.write_text(json.dumps(written, indent=2) + "\n")
    if chosen.plot:
        drawn = plot.write(chosen.plot, {figure.key: figure for figure in figures})
        print(f"drawn: {', '.join(map(str, drawn)) or 'nothing, as none of it was measured'}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RuntimeError, OSError) as failed:
        sys.exit(f"bench: {failed}")
