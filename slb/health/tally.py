# SPDX-License-Identifier: BSD-3-Clause
"""What the results of one check after another come to: up, down, or unknown. Pure.

What is unknown counts as up, so that nothing is taken out because it was not asked yet. An RS that
falls again and again needs more good results each time.
"""

from slb.model.health import Check

# So many falls within that time cost nothing; each further one doubles `rise`, up to so much.
FREE_FALLS = 2
FLAPS_S = 300.0
MAX_RISE = 16


class Tally:
    """The results of one check; times are seconds of any one clock."""

    __slots__ = ("_against", "_check", "_falls", "reason", "since", "state")

    def __init__(self, check: Check, now: float) -> None:
        self.state = "unknown"
        self.since = now
        self.reason = ""
        self._check = check
        self._against = 0
        self._falls: list[float] = []

    def begin_down(self, reason: str, since: float) -> None:
        """Begin as one that has gone down before."""
        self.state, self.reason, self.since = "down", reason, since

    def good(self, now: float) -> bool:
        """Take a good result; tells whether the state has changed."""
        if self.state == "up":
            self._against = 0
            return False
        self._against = self._against + 1 if self.state == "down" else 0
        if self.state == "down" and self._against < self.rise(now):
            return False
        return self._turn("up", now)

    def bad(self, reason: str, now: float) -> bool:
        """Take a bad result; tells whether the state has changed."""
        self.reason = reason
        if self.state == "down":
            self._against = 0
            return False
        self._against += 1
        if self._against < self._check.fall:
            return False
        self._falls = [at for at in self._falls if now - at < FLAPS_S] + [now]
        return self._turn("down", now)

    def forget(self) -> None:
        """Begin to count anew: what comes next has nothing to do with what was before."""
        self._against = 0

    def rise(self, now: float) -> int:
        """How many good results in turn bring it back now."""
        falls = sum(now - at < FLAPS_S for at in self._falls)
        return int(self._check.rise * min(2 ** max(0, falls - FREE_FALLS), MAX_RISE))

    def _turn(self, state: str, now: float) -> bool:
        self.state, self.since, self._against = state, now, 0
        return True
