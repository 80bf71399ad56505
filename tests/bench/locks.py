# SPDX-License-Identifier: BSD-3-Clause
"""Instructions that lock the bus, in the objects of the packet path."""

import re
import subprocess
from pathlib import Path

from bench.figure import Figure, Goal
from bench.native import ROOT

OBJECTS = ROOT / "build/release/csrc/libslb.so.p"
FOLDERS = ("path", "worker")
# Prefixed, or xchg with memory, which locks without a prefix.
LOCKED = re.compile(r"\t(lock\b|xchg[bwlq]?\s.*\()")
LIMIT_S = 120


def locked(objects: list[Path]) -> list[str]:
    """The instructions, one a line, behind the object they are in."""
    found = []
    for file in objects:
        said = subprocess.run(
            ["objdump", "--disassemble", "--no-show-raw-insn", str(file)],
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=True,
        ).stdout
        found += [f"{file.name}:{line}" for line in said.splitlines() if LOCKED.search(line)]
    return found


def figures(_runs: int) -> list[Figure]:
    """How many there are."""
    objects = sorted(f for folder in FOLDERS for f in OBJECTS.glob(f"{folder}_*.o"))
    if not objects:
        raise RuntimeError(f"no objects in {OBJECTS}")
    found = locked(objects)
    what = f"locking instructions in {len(objects)} objects of {' and '.join(FOLDERS)}"
    return [Figure("m7.locks", f"{what} {found[:3] or ''}".strip(), len(found), Goal(0, 0))]
