# SPDX-License-Identifier: BSD-3-Clause
"""How each VS of the desired state is to what slbd has."""

from collections.abc import Iterable

from slb.agent.state import State
from slb.api.client import Client
from slb.errors import SlbError
from slb.health.effect import bare
from slb.model.desired import VsStatus, ordered
from slb.model.endpoint import VsKey
from slb.model.service import Service

Keyed = dict[VsKey, Service]


def now(slbd: Client, state: State, want: Iterable[Service], applied: int) -> list[VsStatus]:
    """Return that of what slbd has at this moment, as far as it says so."""
    has: Iterable[Service] | None
    try:
        has = slbd.export().services
    except SlbError:
        has = None
    return compare(state, want, has, applied)


def compare(
    state: State, want: Iterable[Service], has: Iterable[Service] | None, applied: int
) -> list[VsStatus]:
    """Return a row for each VS, in their order; `has` None: nobody knows what slbd has.

    `want`: the services without RS that are down. `applied`: the generation that slbd had last, of
    all that it takes.
    """
    wanted = {service.vs: service for service in ordered(bare(want))}
    there = None if has is None else {service.vs: service for service in ordered(has)}
    rows = []
    for owner, part in state.owners.items():
        for service in part.services:
            at = service.vs
            word = _word(wanted.get(at), there, at)
            weighty = _weighty(service)
            rows.append(
                VsStatus(
                    vs=str(at),
                    owner=owner,
                    slbd=word,
                    applied=applied if word == "applied" else None,
                    rs=len(service.rs),
                    rs_with_weight=weighty,
                    rs_out=weighty - _weighty(wanted.get(at, service)),
                )
            )
    return sorted(rows, key=lambda row: VsKey.parse(row.vs))


def _weighty(service: Service) -> int:
    return sum(real.weight > 0 for real in service.rs)


def _word(wanted: Service | None, there: Keyed | None, at: VsKey) -> str:
    if there is None:
        return "unknown"
    found = there.get(at)
    if found is None:
        return "missing"
    return "applied" if found == wanted else "differs"
