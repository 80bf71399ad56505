# SPDX-License-Identifier: BSD-3-Clause
"""What slbd is to have: the desired services, without RS that are down. Pure.

An RS that is out keeps its place with weight 0, or leaves (`down: drain`). Which ones are out
depends on when they went down, the first ones first: who goes down later changes nothing for those.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from msgspec import UNSET
from msgspec.structs import replace

from slb.health import target as targets
from slb.health.target import Ejected, Target
from slb.model.down import DownRs
from slb.model.endpoint import Endpoint, VsKey
from slb.model.health import NoCheck
from slb.model.reset import Reset
from slb.model.service import RealServer, Service

Services = tuple[Service, ...]
# Since when a target is down, or an RS of a VS ejected.
Fallen = Mapping[Target | Ejected, float]


@dataclass(frozen=True)
class _Worked:
    """What came of a service when so many of its targets were down.

    `stays`: RS that are down too, and in all the same.
    """

    service: Service
    targets: tuple[Target, ...]
    out: frozenset[Endpoint]
    stays: frozenset[Endpoint]
    result: Service


class Effect:
    """Works out what slbd is to have; what stays the same stays the same object."""

    def __init__(self) -> None:
        self.fallen: Fallen = {}
        self._worked: dict[VsKey, _Worked] = {}

    def stays(self) -> frozenset[DownRs]:
        """Return the RS that are down and in all the same."""
        return frozenset(
            DownRs(vs, rs) for vs, worked in self._worked.items() for rs in worked.stays
        )

    def of(self, services: Iterable[Service]) -> Services:
        """Return the services as slbd is to have them; the same object if none has checks."""
        services = tuple(services)
        if not any(one.health for one in services):
            self._worked = {}
            return services
        before, self._worked = self._worked, {}
        return tuple(self._one(one, before.get(one.vs)) if one.health else one for one in services)

    def one(self, service: Service) -> Service:
        """Return a service as slbd is to have it; the others of the last set stay as they are."""
        if not service.health:
            self.forget([service.vs])
            return service
        return self._one(service, self._worked.get(service.vs))

    def forget(self, gone: Iterable[VsKey]) -> None:
        """Forget what came of these VS."""
        for vs in gone:
            self._worked.pop(vs, None)

    def _one(self, service: Service, before: _Worked | None) -> Service:
        same = before is not None and before.service is service
        found = before.targets if before and same else targets.of(service)
        gone, stays = _parted(service, _down(service, found, self.fallen))
        if before is None or not same or before.out != gone:
            before = _Worked(service, found, gone, stays, _without(service, gone))
        elif before.stays != stays:
            before = dataclasses.replace(before, stays=stays)
        self._worked[service.vs] = before
        return before.result


def bare(services: Iterable[Service]) -> Services:
    """Return the services without their checks, as slbd takes them."""
    return tuple(replace(one, health=UNSET) if one.health else one for one in services)


def already_out(services: Iterable[Service], has: Iterable[Service]) -> set[Target | Ejected]:
    """Return what an earlier agent must have found down, going by what slbd has.

    Whether an RS that is checked had been ejected nobody knows: its checks will tell how it is.
    """
    there = {one.vs: {real.rs: real.weight for real in one.rs} for one in has}
    found: set[Target | Ejected] = set()
    for service in services:
        if service.health and (weights := there.get(service.vs)) is not None:
            # What is not there may be new, unless it was taken away for being down.
            missing = 0 if service.health.down == "drain" else 1
            for real, at in zip(service.rs, _what(service), strict=True):
                if real.weight and not weights.get(real.rs, missing):
                    found.add(at)
    return found


def already_down(services: Iterable[Service], told: Iterable[DownRs]) -> set[Target | Ejected]:
    """Return what an earlier agent had found down and left in, going by what it told slbd."""
    told = frozenset(told)
    return {
        at
        for service in services
        if service.health
        for real, at in zip(service.rs, _what(service), strict=True)
        if DownRs(service.vs, real.rs) in told
    }


def to_reset(services: Iterable[Service], given: Iterable[Service]) -> set[Reset]:
    """Return the RS of VS with `down: reset` that slbd, which was given that, has out."""
    there = {one.vs: one.rs for one in given}
    found = set()
    for service in services:
        if service.health and service.health.down == "reset":
            wanted = {real.rs for real in service.rs if real.weight}
            has = there.get(service.vs, ())
            found |= {
                Reset(service.vs, real.rs) for real in has if not real.weight and real.rs in wanted
            }
    return found


def out(service: Service, found: tuple[Target, ...], fallen: Fallen) -> frozenset[Endpoint]:
    """Return the RS of a VS, whose targets these are, that get no new sessions."""
    if not service.health:
        return frozenset()
    return _parted(service, _down(service, found, fallen))[0]


def since(service: Service, number: int, found: tuple[Target, ...], fallen: Fallen) -> float | None:
    """Return since when an RS is down or ejected, the earlier of both; None: it is neither."""
    one = fallen.get(found[number]) if found else None
    other = fallen.get(Ejected(service.vs, service.rs[number].rs))
    return other if one is None else one if other is None else min(one, other)


def _parted(
    service: Service, down: list[tuple[float, Endpoint]]
) -> tuple[frozenset[Endpoint], frozenset[Endpoint]]:
    """Part those that are down into who is out, and who stays in for being too many."""
    if not service.health or not down:
        return frozenset(), frozenset()
    serving = sum(real.weight > 0 for real in service.rs)
    most = serving * service.health.max_ejected_percent // 100
    first = [rs for _, rs in sorted(down)]
    return frozenset(first[:most]), frozenset(first[most:])


def _down(
    service: Service, found: tuple[Target, ...], fallen: Fallen
) -> list[tuple[float, Endpoint]]:
    return [
        (at, real.rs)
        for number, real in enumerate(service.rs)
        if real.weight and (at := since(service, number, found, fallen)) is not None
    ]


def _what(service: Service) -> Iterable[Target | Ejected]:
    if isinstance(service.health, NoCheck):
        return (Ejected(service.vs, real.rs) for real in service.rs)
    return targets.of(service)


def _without(service: Service, gone: frozenset[Endpoint]) -> Service:
    real = service.rs
    if service.health and service.health.down == "drain":
        real = tuple(one for one in real if one.rs not in gone)
    elif gone:
        real = tuple(RealServer(one.rs, 0) if one.rs in gone else one for one in real)
    return replace(service, rs=real, health=UNSET)
