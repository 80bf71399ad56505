# SPDX-License-Identifier: BSD-3-Clause
"""How often somebody may ask: a token bucket for each name."""

import logging
import math
import time
from collections.abc import Callable

from slb.errors import TooMany
from slb.model.agent_config import Limits

log = logging.getLogger(__name__)


class Buckets:
    """A bucket for each name that was ever given, so names must be few."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._of: dict[str, tuple[float, float]] = {}
        # Whose refusal is in the log already; it would be a flood of its own.
        self._refused: set[str] = set()

    def take(self, name: str, limits: Limits, where: str) -> None:
        """Let one request through, which comes from `where`; raises TooMany."""
        now = self._clock()
        left, since = self._of.get(name, (float(limits.burst), now))
        left = min(left + (now - since) * limits.requests_per_s, float(limits.burst))
        if left < 1:
            self._of[name] = left, now
            wait = math.ceil((1 - left) / limits.requests_per_s)
            text = f"{name or 'nobody known'} asks more than {limits.requests_per_s} times a second"
            if name not in self._refused:
                log.warning("%s, now from %s", text, where)
            self._refused.add(name)
            raise TooMany(f"{text}; try again in {wait} s", wait)
        self._of[name] = left - 1, now
        if left >= limits.burst / 2:
            self._refused.discard(name)
