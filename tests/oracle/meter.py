# SPDX-License-Identifier: BSD-3-Clause
"""How many packets a second the kernel gets to see of each kind.

Tokens come back with the ticks, a quarter second's at most.
"""

from collections.abc import Sequence

from values import Settings

from oracle.outcome import Fate, Observed, Verdict
from oracle.sessions import TICK_HZ, Illegal

CLASSES = ("ospf", "arp", "other")
PPS = 100_000  # unless the settings say otherwise


class Meter:
    """A share of a rate, counted in so many parts of a packet as a second has ticks."""

    def __init__(self, pps: int) -> None:
        self._a_tick = pps
        self._most = self._tokens = max(pps * TICK_HZ // 4, TICK_HZ)
        self._tick = 0

    def allows(self, wanted: int, now: int) -> int:
        """How many of so many packets pass now."""
        self._tokens = min(self._tokens + (now - self._tick) * self._a_tick, self._most)
        self._tick = now
        passed = min(wanted, self._tokens // TICK_HZ)
        self._tokens -= passed * TICK_HZ
        return passed


class Meters:
    """Those of one worker."""

    def __init__(self, settings: Settings) -> None:
        self._meters = [Meter(settings.pps.get(of, PPS) // settings.workers) for of in CLASSES]

    def police(self, fates: Sequence[Fate], observed: Observed, now: int) -> None:
        """Drop what is too much of a burst; which of one kind, the text does not say."""
        for kind, meter in enumerate(self._meters):
            wanted = [fate for fate in fates if fate.verdict == Verdict(f"PUNT {kind}")]
            cut = [fate for fate in wanted if observed.metered(fate.place)]
            passed, allowed = len(wanted) - len(cut), meter.allows(len(wanted), now)
            if passed != allowed:
                raise Illegal(f"{passed} punted of class {kind}, allowed are {allowed}")
            for fate in cut:
                fate.verdict = Verdict("DROP PUNT_RATE")
