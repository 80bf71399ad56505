# SPDX-License-Identifier: BSD-3-Clause
"""Sets of services: by key, and what lies between two of them.

A set is a tuple that never changes; after a change there is another one, of which nearly all is the
same objects. Here alone is looked at each of them, in loops of the interpreter's own in C, which
take some ten nanoseconds for a VS; all that follows from a change looks at what has changed. For
this a VS keeps its place in the set when it is changed. Of the sets that were asked for last the
answers are kept. In no set is a VS twice, but in one that is yet to be looked at.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import is_

from slb.model.endpoint import VsKey
from slb.model.service import Service

Services = tuple[Service, ...]

_SETS = 16
_STEPS = 16
# In so many places two sets may differ before it is not small what lies between them.
FEW = 128


class Keyed(Mapping[VsKey, Service]):
    """A set by key; of a VS that is there twice, the last. `rs`: of how many RS it is."""

    def __init__(self, services: Services, places: dict[VsKey, int], rs: int) -> None:
        self.services = services
        self.places = places
        self.rs = rs

    def __getitem__(self, vs: VsKey) -> Service:
        return self.services[self.places[vs]]

    def __contains__(self, vs: object) -> bool:
        return vs in self.places

    def __iter__(self) -> Iterator[VsKey]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)


@dataclass(frozen=True)
class Step:
    """From a set to another: which objects are not there any more, and which have come."""

    gone: Services
    came: Services


# The newest first. Each is exchanged as a whole, as several threads may look.
_known: tuple[Keyed, ...] = ()
_steps: tuple[tuple[Services, Services, Step], ...] = ()


def keyed(services: Services) -> Keyed:
    """Return the services by key."""
    for known in _known:
        if known.services is services:
            return known
    places = {one.vs: place for place, one in enumerate(services)}
    return _keep(Keyed(services, places, sum(len(one.rs) for one in services)))


def exchanged(services: Services, gone: Iterable[VsKey], came: Iterable[Service]) -> Services:
    """Return the services without some, and with others: in the place of theirs, or at the end.

    The last one takes the place of one that is gone.
    """
    have = keyed(services)
    made, places, rs = list(services), have.places, have.rs
    gone, came = [vs for vs in dict.fromkeys(gone) if vs in places], tuple(came)
    if gone or any(one.vs not in places for one in came):
        places = dict(places)
    for one in came:
        at = places.setdefault(one.vs, len(made))
        if at == len(made):
            made.append(one)
        else:
            rs -= len(made[at].rs)
            made[at] = one
        rs += len(one.rs)
    for vs in gone:
        at, last = places.pop(vs), made.pop()
        if at < len(made):
            last, made[at] = made[at], last
            places[made[at].vs] = at
        rs -= len(last.rs)
    return _keep(Keyed(tuple(made), places, rs)).services


def step(old: Services, new: Services) -> Step:
    """Return what lies between two sets: a service that stays is the same object in both."""
    global _steps
    if old is new:
        return Step((), ())
    for one, other, found in _steps:
        if one is old and other is new:
            return found
    found = _looked_for(old, new)
    _steps = ((old, new, found), *_steps[: _STEPS - 1])
    return found


def unlike(old: Services, new: Services) -> list[int] | None:
    """Return the places in both at which other objects are; None: there are many."""
    same = bytes(map(is_, old, new))
    if same.count(0) > FEW:
        return None
    found, place = [], same.find(0)
    while place >= 0:
        found.append(place)
        place = same.find(0, place + 1)
    return found


def _looked_for(old: Services, new: Services) -> Step:
    places = unlike(old, new)
    if places is None:
        return _between(*_middle(old, new))
    both = min(len(old), len(new))
    had = [old[place] for place in places]
    has = [new[place] for place in places]
    return _between((*had, *old[both:]), (*has, *new[both:]))


def _middle(old: Services, new: Services) -> tuple[Services, Services]:
    """Leave out what is the same at the beginning and at the end."""
    most = min(len(old), len(new))
    first = _same(bytes(map(is_, old, new)), most)
    last = min(_same(bytes(map(is_, reversed(old), reversed(new))), most), most - first)
    return old[first : len(old) - last], new[first : len(new) - last]


def _same(same: bytes, most: int) -> int:
    found = same.find(0)
    return most if found < 0 else found


def _between(old: Collection[Service], new: Collection[Service]) -> Step:
    before, after = set(map(id, old)), set(map(id, new))
    gone = tuple(one for one in old if id(one) not in after)
    return Step(gone, tuple(one for one in new if id(one) not in before))


def _keep(found: Keyed) -> Keyed:
    global _known
    _known = (found, *_known[: _SETS - 1])
    return found
