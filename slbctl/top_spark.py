# SPDX-License-Identifier: BSD-3-Clause
"""Sparklines: the last values as a row of bars, one character each."""

from collections.abc import Sequence

SPARK_WIDTH = 10
BLOCKS = "▁▂▃▄▅▆▇█"
# For terminals that have no blocks.
ASCII = "_.-=+*%#"


def levels(encoding: str | None) -> str:
    """The bars that can be shown in an encoding."""
    return BLOCKS if "utf" in (encoding or "").lower() else ASCII


def spark(values: Sequence[float], bars: str, most: float | None = None) -> str:
    """The bars, the largest value, or `most`, being the highest; a value of 0 is a blank."""
    top = most or max(values, default=0.0)
    last = len(bars) - 1
    found = [
        bars[min(int(value / top * (last + 1)), last)] if value > 0 and top > 0 else " "
        for value in values[-SPARK_WIDTH:]
    ]
    return "".join(found).rjust(SPARK_WIDTH)
