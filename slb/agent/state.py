# SPDX-License-Identifier: BSD-3-Clause
"""The desired state as a value: which owner wants which services.

Pure: every function returns a new state, or raises a RequestError and there is none. No VS belongs
to two owners; one that an unconfirmed change has deleted stays its owner's, since it may come back.
"""

from collections.abc import Callable, Iterable
from itertools import chain

from msgspec import Struct
from msgspec.structs import replace

from slb.agent.keyed import Services, exchanged, keyed, step
from slb.config.check_services import MAX_RS_PER_VS
from slb.errors import BadRequest, Conflict, Full, OtherOwner, Unconfirmed, UnknownOwner
from slb.model.address import show
from slb.model.desired import (
    MAX_OWNERS,
    OPERATOR,
    Delta,
    OwnerView,
    Snapshot,
    VersionView,
    digest,
    ordered,
)
from slb.model.endpoint import VsKey
from slb.model.health import CommandCheck
from slb.model.service import Service


class Pending(Struct, frozen=True, forbid_unknown_fields=True):
    """A change to be confirmed: until when (seconds since 1970), else `before` comes back."""

    until: float
    seconds: int
    before: Services


class Owner(Struct, frozen=True, forbid_unknown_fields=True):
    """An owner's set; `epoch` is the highest that was seen, `generation` the owner's own."""

    services: Services = ()
    epoch: int = 0
    generation: int = 0
    pending: Pending | None = None

    def has(self, vs: VsKey) -> bool:
        """Tell whether a VS is the owner's, or may come back to it."""
        held = self.pending.before if self.pending else ()
        return vs in keyed(self.services) or vs in keyed(held)


class State(Struct, frozen=True, forbid_unknown_fields=True):
    """A version: all owners' sets, its number, and which change of whom led to it, and when.

    `by`: whose change it is; `who`: who made it, and from where, `peer`. Earlier ones lack these.
    """

    generation: int
    time: float
    by: str
    change: str
    owners: dict[str, Owner]
    who: str = ""
    peer: str = ""

    def owner(self, name: str) -> Owner:
        """Return an owner's part; a new owner has nothing."""
        return self.owners.get(name, Owner())

    def services(self, first: str = OPERATOR) -> Services:
        """Return all owners' services, the first owner's first and in the order they were given."""
        names = sorted(self.owners, key=lambda name: (name != first, name))
        return tuple(chain.from_iterable(self.owners[name].services for name in names))

    def version(self) -> VersionView:
        """Return what the history tells of it."""
        about = self.generation, self.time, self.by, self.change
        return VersionView(*about, *self.counts(), self.who, self.peer)

    def counts(self) -> tuple[int, int]:
        """Return the number of VS, and of RS."""
        found = [keyed(part.services) for part in self.owners.values()]
        return sum(map(len, found)), sum(one.rs for one in found)


def give(state: State, name: str, services: Iterable[Service]) -> State:
    """Make `services` an owner's whole set; raises OtherOwner, BadRequest."""
    services = tuple(services)
    fresh = step(state.owner(name).services, services).came
    _check_once(services, fresh)
    only_own(state, name, (service.vs for service in fresh))
    return _with(state, name, replace(state.owner(name), services=services))


def only_own(state: State, name: str, keys: Iterable[VsKey]) -> None:
    """Check that none of these VS is another owner's; raises OtherOwner."""
    others = [(other, part) for other, part in state.owners.items() if other != name]
    for vs in keys if others else ():
        for other, part in others:
            if part.has(vs):
                raise OtherOwner(f"VS {vs} is {other}'s; change it there")


def check_programs(old: State, new: State, allowed: bool) -> None:
    """Check that new checks by programs are the operator's, and allowed; raises BadRequest."""
    for name, part in new.owners.items():
        for service in step(old.owner(name).services, part.services).came:
            if not isinstance(service.health, CommandCheck):
                continue
            if name != OPERATOR:
                text = "health of type command is for the operator's VS alone"
                raise BadRequest(f"VS {service.vs}: {text}; use another type")
            if not allowed:
                text = "health of type command needs slb-agent to be started with"
                raise BadRequest(f"VS {service.vs}: {text} --check-programs DIR")


def settled(state: State, name: str) -> State:
    """Return the state if the owner has nothing to confirm; raises Unconfirmed."""
    if state.owner(name).pending:
        raise Unconfirmed("the last change waits to be confirmed; confirm it or roll it back first")
    return state


def to_confirm(old: State, new: State, name: str, seconds: int, now: float) -> State:
    """Return `new`, to be confirmed by the owner, else what it had in `old` comes back."""
    before = old.owner(name).services
    return _with(
        new, name, replace(new.owner(name), pending=Pending(now + seconds, seconds, before))
    )


def confirmed(state: State, name: str) -> State:
    """Return the state with the owner's change confirmed; raises Conflict."""
    if state.owner(name).pending is None:
        raise Conflict("nothing waits to be confirmed")
    return _with(state, name, replace(state.owner(name), pending=None))


def rolled_back(state: State, name: str, services: Services | None = None) -> State:
    """Return the state with an earlier set of the owner's; None: that before what is pending."""
    part = state.owner(name)
    if services is None:
        if part.pending is None:
            raise Conflict("nothing waits to be confirmed")
        services = part.pending.before
    return give(_with(state, name, replace(part, pending=None)), name, services)


def overdue(state: State, now: float) -> list[str]:
    """Return the owners whose time to confirm is over."""
    return [name for name, part in state.owners.items() if part.pending and left(part, now) <= 0]


def left(part: Owner, now: float) -> float:
    """Return the seconds left to confirm; no earlier time than that of the change adds to them."""
    assert part.pending is not None
    return min(part.pending.until - now, part.pending.seconds)


def put(state: State, wanted: Snapshot, digest: Callable[[Services], str] = digest) -> State:
    """Return the state with an owner's snapshot; raises BadRequest, Conflict, OtherOwner, Full.

    The same snapshot once more changes nothing. `digest` may know part of the answer already.
    """
    part = state.owner(_not_operator(wanted.owner))
    if wanted.digest and wanted.digest != digest(wanted.services):
        raise BadRequest("digest: it is not that of services; send them again")
    _check_epoch(part, wanted.epoch)
    if wanted.owner in state.owners and wanted.epoch == part.epoch:
        if wanted.generation < part.generation or (
            wanted.generation == part.generation
            and digest(wanted.services) != digest(part.services)
        ):
            text = f"generation {wanted.generation} of epoch {wanted.epoch} is not newer than"
            raise Conflict(f"{text} {part.generation}, which is here; read the state and go on")
    if not wanted.services and not wanted.allow_empty:
        raise BadRequest("services: an empty set would delete every VS; say so with allow_empty")
    return _numbered(state, wanted.owner, wanted.services, wanted.epoch, wanted.generation)


def patch(state: State, delta: Delta, digest: Callable[[Services], str] = digest) -> State:
    """Return the state with an owner's delta; raises BadRequest, Conflict, OtherOwner, Full.

    `digest` may know part of the answer already.
    """
    part = state.owner(_not_operator(delta.owner))
    _check_epoch(part, delta.epoch)
    if (delta.epoch, delta.base_generation) != (part.epoch, part.generation):
        text = f"here is generation {part.generation} of epoch {part.epoch}"
        raise Conflict(f"{text}, not {delta.base_generation} of {delta.epoch}; send a full one")
    if delta.generation <= delta.base_generation:
        raise BadRequest("generation: it must be greater than base_generation")
    touched = {*delta.deletes, *(service.vs for service in delta.upserts)}
    if len(touched) != len(delta.deletes) + len(delta.upserts):
        raise BadRequest("upserts, deletes: a VS is there twice; keep one of them")
    services = exchanged(part.services, delta.deletes, delta.upserts)
    if delta.digest and delta.digest != digest(services):
        raise Conflict("what comes out has another digest; send a full one")
    return _numbered(state, delta.owner, services, delta.epoch, delta.generation)


def without(state: State, name: str, with_vs: bool = False) -> State:
    """Return the state without an owner, the highest epoch that was seen of him forgotten too.

    `with_vs`: although he has VS. Raises BadRequest, Conflict, UnknownOwner.
    """
    if name == OPERATOR:
        text = "the operator's own set stays; 'slbctl vs del' and 'slbctl apply' change what is in"
        raise BadRequest(f"owner: {text} it")
    if (part := state.owners.get(name)) is None:
        have = ", ".join(sorted(state.owners))
        raise UnknownOwner(f"owner {show(name)} does not exist; there are {have}")
    if part.services and not with_vs:
        text = f"owner {name} still has {len(part.services)} VS"
        raise Conflict(f"{text}; with_vs=1 (slbctl owner del --with-vs) deletes them, too")
    owners = {other: its for other, its in state.owners.items() if other != name}
    return replace(state, owners=owners)


def view(name: str, part: Owner, digest: str, now: float, with_services: bool = False) -> OwnerView:
    """Return what the API tells about an owner, whose set has that digest."""
    return OwnerView(
        name,
        part.epoch,
        part.generation,
        digest,
        len(part.services),
        keyed(part.services).rs,
        max(left(part, now), 0.0) if part.pending else None,
        ordered(part.services) if with_services else None,
    )


def _check_once(services: Services, fresh: Iterable[Service]) -> None:
    """Check that no VS is there twice, and no RS in fresh ones, as slbd does of a whole set."""
    if len(keyed(services)) == len(services) and all(map(_is_fine, fresh)):
        return
    seen: set[VsKey] = set()
    for i, service in enumerate(services):
        if service.vs in seen:
            raise BadRequest(f"services[{i}].vs: VS {service.vs} is there twice; merge the two")
        seen.add(service.vs)
        if len(service.rs) > MAX_RS_PER_VS:
            text = f"{len(service.rs)} RS; a VS takes at most {MAX_RS_PER_VS}"
            raise BadRequest(f"services[{i}].rs: {text}")
        real = [one.rs for one in service.rs]
        if len(set(real)) != len(real):
            twice = next(rs for j, rs in enumerate(real) if rs in real[:j])
            text = f"RS {twice} is in VS {service.vs} twice; keep one of them"
            raise BadRequest(f"services[{i}].rs: {text}")


def _is_fine(service: Service) -> bool:
    real = {one.rs for one in service.rs}
    return len(real) == len(service.rs) <= MAX_RS_PER_VS


def _with(state: State, name: str, part: Owner) -> State:
    return replace(state, owners={**state.owners, name: part})


def _numbered(state: State, name: str, services: Services, epoch: int, generation: int) -> State:
    if name not in state.owners and len({OPERATOR, *state.owners}) >= MAX_OWNERS:
        text = f"there are {MAX_OWNERS} owners, {name} would be one more"
        raise Full(f"owner: {text}; an operator may remove one that is over (slbctl owner del)")
    state = give(state, name, services)
    return _with(state, name, replace(state.owner(name), epoch=epoch, generation=generation))


def _check_epoch(part: Owner, epoch: int) -> None:
    if epoch < part.epoch:
        raise Conflict(f"epoch {epoch} is over, {part.epoch} has begun; another one is in charge")


def _not_operator(name: str) -> str:
    if name == OPERATOR:
        raise BadRequest(f"owner: {OPERATOR} is for slbctl; choose another name")
    return name
