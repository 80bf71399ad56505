# SPDX-License-Identifier: BSD-3-Clause
"""`./dev bench`: how fast the engine is, beside what else there is, each in one run."""

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from bench import compare, machine, memory, plot
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


class Measured:
    """The figures that are there, and why others are not; written to a file as they come."""

    def __init__(self, host: machine.Machine, file: Path | None) -> None:
        """Raises OSError when the file cannot be written."""
        self.figures: dict[str, Figure] = {}
        self.failed: dict[str, str] = {}
        self._host = host
        self._file = file
        self._small: list[str] = []
        self._write()

    def take(self, name: str, runs: int) -> None:
        """Measure, and print each figure when it is there; what fails is told at the end too."""
        memory.refused.clear()
        try:
            for figure in MEASURES[name](runs):
                print(figure.line(), flush=True)
                self.figures[figure.key] = figure
        except (RuntimeError, OSError) as failed:
            self.failed[name] = str(failed)
            print(f"{name} was not measured: {failed}", file=sys.stderr, flush=True)
        if memory.refused:
            self._small.append(name)
            print(f"{name}: on pages of 4 KB, as the host has too few of 2 MB", flush=True)
        self._write()

    def misses(self) -> list[str]:
        """The figures that miss their floor."""
        return [one.key for one in self.figures.values() if one.misses]

    def _write(self) -> None:
        if self._file is None:
            return
        seen = {"load_after": os.getloadavg(), "on_4_kb_pages": self._small, "failed": self.failed}
        figures = {key: figure.plain() for key, figure in self.figures.items()}
        written = {"machine": {**self._host, **seen}, **figures}
        self._file.write_text(json.dumps(written, indent=2) + "\n")


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
    measured = Measured(host, chosen.json)
    print(HEAD)
    for name in chosen.names or (plot.MEASURES if chosen.plot else MEASURES):
        measured.take(name, chosen.runs)
    if missed := measured.misses():
        print(f"floors missed: {', '.join(missed)}")
    if chosen.plot:
        drawn = plot.write(chosen.plot, measured.figures)
        print(f"drawn: {', '.join(map(str, drawn)) or 'nothing, as none of it was measured'}")
    if measured.failed:
        print(f"not measured: {', '.join(measured.failed)}; the reasons are above")
    return 1 if measured.failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RuntimeError, OSError) as failed:
        sys.exit(f"bench: {failed}")
    except KeyboardInterrupt:
        sys.exit(130)
