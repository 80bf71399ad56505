# SPDX-License-Identifier: BSD-3-Clause
"""Which RS of one VS are out because of what became of their connections, and for how long. Pure.

Nothing is ejected beyond the VS's share, `max_ejected_percent`, that those which are down by their
checks have a part in. What would have been stays in, is judged again, and goes when there is room.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass

from slb.health.outlier import Verdict, judge
from slb.health.window import Counts, Figures, Window
from slb.model.endpoint import Endpoint
from slb.model.health import Passive
from slb.model.service import Service


@dataclass(frozen=True)
class Ejection:
    """One that is out; `times`: so often in turn. Times are seconds of any one clock."""

    since: float
    until: float
    times: int
    reason: str


class Ejections:
    """Those of one VS whose health has `passive`."""

    def __init__(self, service: Service) -> None:
        self.out: dict[Endpoint, Ejection] = {}
        # Why others would be out.
        self.capped: dict[Endpoint, str] = {}
        self.figures: dict[Endpoint, Figures] = {}
        self._windows: dict[Endpoint, Window] = {}
        # When each came back, and how often it had been out.
        self._back: dict[Endpoint, tuple[float, int]] = {}
        self.follow(service)

    def follow(self, service: Service) -> None:
        """Take what is wanted of the VS now; what is known of RS that stay is kept."""
        assert service.health and service.health.passive
        before: Passive | None = getattr(self, "_rules", None)
        self._rules = service.health.passive
        self._service = service
        there = {real.rs for real in service.rs if real.weight}
        for known in (self.out, self.capped, self.figures, self._windows, self._back):
            for rs in known.keys() - there:
                del known[rs]
        if before is None or before.window_s != self._rules.window_s:
            self._windows = {}
        for rs in there - self._windows.keys():
            self._windows[rs] = Window(self._rules.window_s)

    def adopt(self, rs: Endpoint, now: float) -> None:
        """Have one out that was out when this began."""
        if rs in self._windows:
            self._eject(rs, "it was ejected when this agent began", now)

    def forget(self) -> None:
        """Begin all windows anew: what was counted says nothing of what comes next."""
        for window in self._windows.values():
            window.forget()
        self.figures, self.capped = {}, {}

    def look(
        self, now: float, counts: Mapping[Endpoint, Counts], down: Set[Endpoint]
    ) -> tuple[list[Endpoint], list[Endpoint]]:
        """Take a reading; returns who is ejected now, and who is back. `down`: by their checks."""
        back = self.end_overdue(now)
        self.figures = {}
        for rs, window in self._windows.items():
            if rs in self.out or rs not in counts:
                continue
            if (figures := window.take(now, counts[rs])) is not None:
                self.figures[rs] = figures
        bad = judge(self._rules, {rs: f for rs, f in self.figures.items() if rs not in down})
        return self._choose(bad, down, now), back

    def end_overdue(self, now: float) -> list[Endpoint]:
        """Let those in whose time is over; returns them."""
        back = [rs for rs, ejection in self.out.items() if ejection.until <= now]
        for rs in back:
            self._back[rs] = now, self.out.pop(rs).times
            self._windows[rs].forget()
        return back

    def _choose(
        self, bad: Mapping[Endpoint, Verdict], down: Set[Endpoint], now: float
    ) -> list[Endpoint]:
        assert self._service.health
        most = len(self._windows) * self._service.health.max_ejected_percent // 100
        room = max(0, most - len(self.out.keys() | (down & self._windows.keys())))
        worst = sorted(bad, key=lambda rs: bad[rs].excess, reverse=True)
        for rs in worst[:room]:
            self._eject(rs, bad[rs].reason, now)
        self.capped = {rs: bad[rs].reason for rs in worst[room:]}
        return worst[:room]

    def _eject(self, rs: Endpoint, reason: str, now: float) -> None:
        at, times = self._back.pop(rs, (0.0, 0))
        times = 1 if now - at >= self._rules.max_eject_s else times + 1
        # No longer than the longest, and no power that is too large to be a number of seconds.
        length = min(self._rules.eject_s * 2 ** min(times - 1, 32), self._rules.max_eject_s)
        self.out[rs] = Ejection(now, now + length, times, reason)
        self.figures.pop(rs, None)
