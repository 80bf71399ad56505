# SPDX-License-Identifier: BSD-3-Clause
"""Steps of a demonstration, one line each: what was expected and what was seen."""

import os
import subprocess
import sys
import time
from collections.abc import Callable

from rig.waiting import RigError

# What a step expected and what it saw; it raises Failed or RigError when they differ.
Seen = tuple[str, str]


class Failed(Exception):
    """A step has seen something else than it expected."""


def check(held: bool, expected: str, seen: str) -> None:
    """Raise Failed unless what was expected held."""
    if not held:
        raise Failed(f"expected {expected}, saw {seen}")


class Report:
    """Prints the steps."""

    def __init__(self) -> None:
        """Use colour on a terminal."""
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._ok, self._failed = ("ok    ", "FAILED")
        if colour:
            self._ok, self._failed = f"\033[32m{self._ok}\033[0m", f"\033[31m{self._failed}\033[0m"
        print(f"{'':6} {'TIME':>6}  {'STEP':<15}  {'EXPECTED':<34}  SEEN")

    def step(self, title: str, action: Callable[[], Seen]) -> None:
        """Do one step and print its line; raises Failed, RigError after printing what failed."""
        begun = time.monotonic()
        try:
            expected, seen = action()
        except (Failed, RigError, OSError, subprocess.SubprocessError) as error:
            self._line(self._failed, begun, title, str(error))
            raise Failed(title) from error
        self._line(self._ok, begun, title, f"{expected:<34}  {seen}")

    @staticmethod
    def _line(mark: str, begun: float, title: str, text: str) -> None:
        taken = time.monotonic() - begun
        print(f"{mark} {taken:>4.1f} s  {title:<15}  {text}", flush=True)
