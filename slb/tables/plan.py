# SPDX-License-Identifier: BSD-3-Clause
"""The difference between two sets of services, as the ops that lead from one to the other.

Pure: values in, values out. Deletions come first, since they free the places that additions take;
inside a VS the same holds for its RS. A set that equals the other gives no op.
"""

from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import asdict, replace

from slb.model.endpoint import Endpoint, VsKey
from slb.model.op import Op, OpKind
from slb.model.policy import Policy
from slb.model.service import RealServer, Service
from slb.model.views import VsView

S = TypeVar("S", bound=Struct)
E = TypeVar("E", bound=Endpoint)


def plan(current: Iterable[Service], wanted: Iterable[Service]) -> list[Op]:
    """Return the ops that turn `current` into `wanted`."""
    # What is the same object needs no look: after a small change of a large set that is nearly all.
    before, after = ({id(one): one for one in side} for side in (current, wanted))
    have = {before[one].vs: before[one] for one in before.keys() - after.keys()}
    want = {after[one].vs: after[one] for one in after.keys() - before.keys()}
    gone = [Op(OpKind.VS_DEL, vs) for vs in _in_order(have.keys() - want.keys())]
    kept = [op for vs in _in_order(have.keys() & want.keys()) for op in _edit(have[vs], want[vs])]
    new = [op for vs in _in_order(want.keys() - have.keys()) for op in add(want[vs])]
    return gone + kept + new


def add(service: Service) -> list[Op]:
    """Return the ops that add a VS with its RS."""
    first = Op(OpKind.VS_ADD, service.vs, policy=service.policy)
    return [first, *(_add_rs(service.vs, real) for real in service.rs)]


def merge(
    current: Iterable[Service], old: Iterable[Service], new: Iterable[Service]
) -> list[Service]:
    """Carry what changed from `old` to `new` over to `current`, and leave all else alone."""
    found = {service.vs: service for service in current}
    before = {service.vs: service for service in old}
    after = {service.vs: service for service in new}
    for vs in before.keys() - after.keys():
        found.pop(vs, None)
    for vs, service in after.items():
        if service != before.get(vs):
            found[vs] = _merge_one(found.get(vs), before.get(vs), service)
    return [found[vs] for vs in _in_order(found)]


def policy(row: VsView) -> Policy:
    """Take the policy out of a listing."""
    return Policy(
        row.scheduler,  # type: ignore[arg-type]
        row.one_packet,
        row.timeouts,
        row.client_address,  # type: ignore[arg-type]
        row.syn_proxy,
    )


def edit(vs: VsKey, have: Policy, want: Policy) -> list[Op]:
    """Return the op that changes a VS's policy; none when it is the same."""
    return [] if have == want else [Op(OpKind.VS_EDIT, vs, policy=want, was=have)]


def _in_order(keys: Iterable[E]) -> list[E]:
    return sorted(keys, key=attrgetter("order"))


def _add_rs(vs: VsKey, real: RealServer) -> Op:
    return Op(OpKind.RS_ADD, vs, rs=real.rs, weight=real.weight)


def _edit(have: Service, want: Service) -> Iterator[Op]:
    if have == want:
        return
    vs = have.vs
    yield from edit(vs, have.policy, want.policy)
    old = {real.rs: real for real in have.rs}
    new = {real.rs: real for real in want.rs}
    for rs in _in_order(old.keys() - new.keys()):
        yield Op(OpKind.RS_DEL, vs, rs=rs)
    for rs in _in_order(old.keys() & new.keys()):
        if old[rs].weight != new[rs].weight:
            yield Op(OpKind.RS_EDIT, vs, rs=rs, weight=new[rs].weight, was=old[rs].weight)
    for rs in _in_order(new.keys() - old.keys()):
        yield _add_rs(vs, new[rs])


def _merge_one(current: Service | None, old: Service | None, new: Service) -> Service:
    if current is None or old is None:
        return new
    real = {one.rs: one for one in current.rs}
    before = {one.rs: one for one in old.rs}
    after = {one.rs: one for one in new.rs}
    for rs in before.keys() - after.keys():
        real.pop(rs, None)
    real |= {rs: one for rs, one in after.items() if one != before.get(rs)}
    policy = _changed(current.policy, old.policy, new.policy)
    timeouts = _changed(current.timeouts, old.timeouts, new.timeouts)
    merged = tuple(real[key] for key in _in_order(real))
    return Service.of(current.vs, replace(policy, timeouts=timeouts), merged)


def _changed(current: S, old: S, new: S) -> S:
    """Take over the fields that differ between `old` and `new`."""
    before = asdict(old)
    return replace(current, **{k: v for k, v in asdict(new).items() if v != before[k]})
