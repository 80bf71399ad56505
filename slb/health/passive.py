# SPDX-License-Identifier: BSD-3-Clause
"""What clients' connections say of the RS of all VS whose health has `passive`. Pure.

One reading of what slbd counts serves all of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from slb.health import target as targets
from slb.health.effect import Fallen
from slb.health.ejection import Ejection, Ejections
from slb.health.target import Ejected, Target
from slb.health.window import Counts, Figures
from slb.model.endpoint import Endpoint, VsKey
from slb.model.service import Service
from slb.model.views import RsAnswers

NOBODY: frozenset[Endpoint] = frozenset()


@dataclass(frozen=True)
class Change:
    """An RS is ejected, or, without an ejection, back."""

    who: Ejected
    ejection: Ejection | None


class Passive:
    """The ejections of all VS; times are seconds of any one clock."""

    def __init__(self) -> None:
        self._seen: tuple[Service, ...] = ()
        self._all: dict[VsKey, Ejections] = {}
        self._services: dict[VsKey, Service] = {}
        # RS by the texts that readings have.
        self._names: dict[str, dict[str, Endpoint]] = {}

    def __bool__(self) -> bool:
        """Whether any VS is looked at."""
        return bool(self._all)

    def follow(self, services: tuple[Service, ...]) -> None:
        """Look at these VS from now on."""
        if services is self._seen:
            return
        wanted = {one.vs: one for one in services if one.health and one.health.passive}
        for vs in self._all.keys() - wanted.keys():
            del self._all[vs], self._names[str(vs)], self._services[vs]
        for vs, service in wanted.items():
            if self._services.get(vs) is service:
                continue
            if known := self._all.get(vs):
                known.follow(service)
            else:
                self._all[vs] = Ejections(service)
            self._names[str(vs)] = {str(real.rs): real.rs for real in service.rs}
            self._services[vs] = service
        self._seen = services

    def adopt(self, fallen: Fallen, now: float) -> None:
        """Have those out that were ejected when this began."""
        for who in fallen:
            if isinstance(who, Ejected) and who.vs in self._all:
                self._all[who.vs].adopt(who.rs, now)

    def forget(self) -> None:
        """Begin all windows anew, as after a time in which nothing was read."""
        for one in self._all.values():
            one.forget()

    def ejected(self) -> dict[Target | Ejected, float]:
        """Return who is out, and since when."""
        return {
            Ejected(vs, rs): ejection.since
            for vs, one in self._all.items()
            for rs, ejection in one.out.items()
        }

    def look(self, now: float, rows: Iterable[RsAnswers], fallen: Fallen) -> list[Change]:
        """Take a reading; `fallen`: what is down by its checks. Returns what has changed."""
        counts: dict[str, dict[Endpoint, Counts]] = {}
        for row in rows:
            if (names := self._names.get(row.vs)) and (rs := names.get(row.rs)):
                counts.setdefault(row.vs, {})[rs] = Counts.of(row)
        changes = []
        for vs, one in self._all.items():
            down = _down(self._services[vs], fallen) if fallen else NOBODY
            out, back = one.look(now, counts.get(str(vs), {}), down)
            changes += [Change(Ejected(vs, rs), None) for rs in back]
            changes += [Change(Ejected(vs, rs), one.out[rs]) for rs in out]
        return changes

    def end_overdue(self, now: float) -> list[Change]:
        """Let those in whose time is over, where nothing can be read."""
        return [
            Change(Ejected(vs, rs), None)
            for vs, one in self._all.items()
            for rs in one.end_overdue(now)
        ]

    def ejection(self, vs: VsKey, rs: Endpoint) -> Ejection | None:
        """Return why and how long an RS is out, if it is."""
        one = self._all.get(vs)
        return one.out.get(rs) if one else None

    def figures(self, vs: VsKey, rs: Endpoint) -> Figures | None:
        """Return what became of an RS's connections lately, if anything is known."""
        one = self._all.get(vs)
        return one.figures.get(rs) if one else None

    def capped(self, vs: VsKey, rs: Endpoint) -> str:
        """Return why an RS would be out, were not too many others; "" if it would not."""
        one = self._all.get(vs)
        return one.capped.get(rs, "") if one else ""


def _down(service: Service, fallen: Fallen) -> set[Endpoint]:
    pairs = zip(service.rs, targets.of(service), strict=False)
    return {real.rs for real, at in pairs if at in fallen}
