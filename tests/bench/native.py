# SPDX-License-Identifier: BSD-3-Clause
"""The bench program: the engine's own objects fed from memory (csrc/bench)."""

import json
import os
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from bench import child
from bench.memory import hugepages

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "build/release/csrc/bench/slb-bench"
ACCOUNTS = PROGRAM.with_name("slb-bench-accounts")
LIMIT_S = 1800
SMALLEST_MB = 512
SPARE_MB = 64


@dataclass
class Runs:
    """What a measurement gave, by side."""

    cycles: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    refused: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    left_out: int = 0

    def least(self, side: str) -> float:
        """The minimum, as whatever else the machine does can only add to it."""
        return min(self.cycles[side])

    def add(self, later: "Runs") -> None:
        """Take in the runs of another time."""
        for side, cycles in later.cycles.items():
            self.cycles[side] += cycles
            self.refused[side] += later.refused[side]
        self.left_out += later.left_out


def cpus() -> list[int]:
    """The one that measures, the last: the first has the interrupts; then another, if there is."""
    return sorted(os.sched_getaffinity(0))[-2:][::-1]


def tsc_hz() -> float:
    """The frequency of the TSC."""
    return measure("clock", 0, 1).least("tsc")


def measure(
    name: str,
    sessions: int,
    runs: int,
    megabytes: int = SMALLEST_MB,
    program: Path = PROGRAM,
) -> Runs:
    """Have the program measure; raises RuntimeError with what it said."""
    with hugepages(megabytes + SPARE_MB) as huge:
        words = [str(megabytes), "huge" if huge else "plain", ",".join(map(str, cpus())), name]
        command = [str(program), *words, str(sessions), str(runs)]
        printed = child.output(command, LIMIT_S)
    found = Runs()
    for line in printed.splitlines():
        said = json.loads(line)
        found.cycles[said["side"]].append(said["cycles"])
        found.refused[said["side"]].append(said["refused"])
        found.left_out += said["left_out"]
    return found
