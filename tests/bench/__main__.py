# SPDX-License-Identifier: BSD-3-Clause
"""`./dev bench`: how fast the engine is, beside what else there is, each in one run."""

import argparse
import json
import os
import platform
import sys
from pathlib import Path

from bench.figure import HEAD, Figure
from bench.measures import MEASURES


def machine() -> dict[str, object]:
    """What the figures were taken on."""
    info = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(": ")[1] for line in info if line.startswith("model name")), "")
    return {
        "cpu": model,
        "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "load": os.getloadavg(),
    }


def main() -> None:
    """Measure, print, and write JSON where asked."""
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{' '.join(MEASURES)}: all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--runs", type=int, default=5, help="of each side; default 5")
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - set(MEASURES):
        there = ", ".join(MEASURES)
        parser.error(f"nothing is called {', '.join(sorted(unknown))}; there are {there}")
    host = machine()
    print(f"{host['cpu']}, {host['cpus']} CPUs, load {os.getloadavg()[0]:.2f}; cycles of the TSC")
    print(HEAD)
    figures: list[Figure] = []
    for name in chosen.names or MEASURES:
        for figure in MEASURES[name](chosen.runs):
            print(figure.line(), flush=True)
            figures.append(figure)
    if chosen.json:
        written = {"machine": host, **{figure.key: figure.plain() for figure in figures}}
        chosen.json.write_text(json.dumps(written, indent=2) + "\n")


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as failed:
        sys.exit(f"bench: {failed}")
