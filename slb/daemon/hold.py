# SPDX-License-Identifier: BSD-3-Clause
"""Keeps back what comes and goes: it must be well for a while, twice as long each time."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass


@dataclass
class _Kept:
    shown: bool = False
    # How long it must be well; nothing before it has been lost for the first time.
    wait_s: float = 0.0
    well_since: float | None = None
    shown_since: float = 0.0


class Hold:
    """Takes readings and says what may be shown; keeps no clock of its own.

    What is lost for the first time waits `first_s`, and what is lost again before it was shown for
    `max_s` waits twice as long as the last time, `max_s` at most.
    """

    def __init__(self, first_s: float, max_s: float) -> None:
        self._first_s = first_s
        self._max_s = max(first_s, max_s)
        self._kept: dict[Hashable, _Kept] = {}

    def look(self, key: Hashable, well: bool, now: float) -> bool:
        """Say whether it may be shown."""
        kept = self._kept.setdefault(key, _Kept())
        if not well:
            if kept.shown:
                kept.wait_s = self._next(kept, now)
            kept.shown, kept.well_since = False, None
        elif not kept.shown:
            if kept.well_since is None:
                kept.well_since = now
            if now - kept.well_since >= kept.wait_s:
                kept.shown, kept.shown_since = True, now
        return kept.shown

    def waiting(self, now: float) -> list[tuple[Hashable, float]]:
        """Return what is well and not shown yet, with the seconds that are left."""
        return [
            (key, max(0.0, kept.well_since + kept.wait_s - now))
            for key, kept in self._kept.items()
            if not kept.shown and kept.well_since is not None
        ]

    def next(self, now: float) -> float | None:
        """Return when the next look may show more; None: no sooner than something changes."""
        return min((left for _, left in self.waiting(now)), default=None)

    def keep(self, keys: Iterable[Hashable]) -> None:
        """Forget all but these."""
        alive = set(keys)
        self._kept = {key: kept for key, kept in self._kept.items() if key in alive}

    def _next(self, kept: _Kept, now: float) -> float:
        if kept.wait_s == 0 or now - kept.shown_since >= self._max_s:
            return self._first_s
        return min(2 * kept.wait_s, self._max_s)
