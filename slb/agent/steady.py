# SPDX-License-Identifier: BSD-3-Clause
"""The time of day that does not jump while the agent lives.

What is to be confirmed within some time waits by it: neither somebody who sets the clock, nor a
host that finds out the time after its start, may undo a change at once or keep it for hours.
"""

import time
from collections.abc import Callable


def steady(
    day: Callable[[], float] = time.time, passed: Callable[[], float] | None = None
) -> Callable[[], float]:
    """Return a clock that shows the time of day now, and then goes on by what has passed."""
    passed = passed or _passed
    begun = day() - passed()
    return lambda: begun + passed()


def _passed() -> float:
    # A host that sleeps goes on counting.
    return time.clock_gettime(time.CLOCK_BOOTTIME)
