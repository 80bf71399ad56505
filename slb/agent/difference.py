# SPDX-License-Identifier: BSD-3-Clause
"""A version of the desired state as what is other than in an earlier one. Pure.

Of a large set a small change is told in a few hundred octets. What has stayed is known by being the
same object, so nothing is compared, and comes back in the same order.
"""

from collections.abc import Iterable, Sequence
from itertools import chain

from msgspec import Struct
from msgspec.structs import replace

from slb.agent.keyed import Services, unlike
from slb.agent.state import Owner, Pending, State
from slb.model.service import Service

# A set of fewer VS is written whole: that is as quick, and needs one good file.
LARGE = 200
MOST = 160


class Run(Struct, frozen=True, forbid_unknown_fields=True):
    """`count` of the earlier services from `first` on, and new ones behind them."""

    first: int
    count: int
    then: Services = ()


class Difference(Struct, frozen=True, forbid_unknown_fields=True):
    """A version without its services, and by owner those, and those that may come back."""

    version: State
    services: dict[str, tuple[Run, ...]]
    before: dict[str, tuple[Run, ...]]


def between(earlier: State, later: State) -> Difference | None:
    """Return what leads from one to the other; None when that is much, or the whole little."""
    if sum(len(part.services) for part in later.owners.values()) < LARGE:
        return None
    runs: dict[str, tuple[Run, ...]] = {}
    before: dict[str, tuple[Run, ...]] = {}
    owners = {}
    for name, part in later.owners.items():
        have = earlier.owner(name).services
        runs[name] = _runs(have, part.services)
        owners[name] = replace(part, services=())
        if part.pending:
            before[name] = _runs(have, part.pending.before)
            owners[name] = replace(owners[name], pending=replace(part.pending, before=()))
    every = [run for side in (runs, before) for found in side.values() for run in found]
    if len(every) + sum(len(run.then) for run in every) > MOST:
        return None
    return Difference(replace(later, owners=owners), runs, before)


def after(earlier: State, difference: Difference) -> State:
    """Return the later version; raises ValueError when it is not of this earlier one."""
    owners = {}
    for name, part in difference.version.owners.items():
        have = earlier.owner(name).services
        owners[name] = _owner(part, have, difference, name)
    return replace(difference.version, owners=owners)


def _owner(part: Owner, have: Services, difference: Difference, name: str) -> Owner:
    pending: Pending | None = part.pending
    if pending:
        pending = replace(pending, before=_services(have, difference.before.get(name, ())))
    services = _services(have, difference.services.get(name, ()))
    return replace(part, services=services, pending=pending)


def _runs(have: Services, want: Services) -> tuple[Run, ...]:
    both = min(len(have), len(want))
    found = unlike(have, want)
    places: Sequence[int] = range(both) if found is None else found
    # What is elsewhere now was at one of these, too.
    number = {id(have[place]): place for place in chain(places, range(both, len(have)))}
    runs, at = _Runs(), 0
    for place in chain(places, range(both, len(want))):
        runs.stay(at, place - at)
        service, at = want[place], place + 1
        if (before := number.get(id(service))) is None:
            runs.then.append(service)
        else:
            runs.stay(before, 1)
    if at < both:
        runs.stay(at, both - at)
    return runs.all()


class _Runs:
    """Runs as they are found."""

    def __init__(self) -> None:
        self.then: list[Service] = []
        self._first = self._count = 0
        self._found: list[Run] = []

    def stay(self, first: int, count: int) -> None:
        """Of the earlier services so many follow, from `first` on."""
        if not count:
            return
        if self._count and not self.then and first == self._first + self._count:
            self._count += count
            return
        if self._count or self.then:
            self._found.append(self._last())
        self._first, self._count, self.then = first, count, []

    def all(self) -> tuple[Run, ...]:
        """Return those that were found."""
        return (*self._found, self._last())

    def _last(self) -> Run:
        return Run(self._first, self._count, tuple(self.then))


def _services(have: Services, runs: Iterable[Run]) -> Services:
    found: list[Service] = []
    for run in runs:
        if run.first < 0 or run.count < 0 or run.first + run.count > len(have):
            raise ValueError(f"{run.count} services from {run.first} on, of {len(have)}")
        found += have[run.first : run.first + run.count]
        found += run.then
    return tuple(found)
