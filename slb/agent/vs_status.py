# SPDX-License-Identifier: BSD-3-Clause
"""How each VS of the desired state is to what slbd has. Pure."""

from collections.abc import Iterable

from slb.agent.state import State
from slb.model.desired import VsStatus, ordered
from slb.model.endpoint import VsKey
from slb.model.service import Service


def compare(state: State, has: Iterable[Service] | None, applied: int) -> list[VsStatus]:
    """Return a row for each VS, in their order; `has` None: nobody knows what slbd has.

    `applied`: the generation that slbd had last, of all that it takes.
    """
    there = None if has is None else {service.vs: service for service in ordered(has)}
    rows = []
    for owner, part in state.owners.items():
        for wanted in ordered(part.services):
            word = _word(wanted, there)
            weighty = sum(real.weight > 0 for real in wanted.rs)
            generation = applied if word == "applied" else None
            rows.append(VsStatus(str(wanted.vs), owner, word, generation, len(wanted.rs), weighty))
    return sorted(rows, key=lambda row: VsKey.parse(row.vs))


def _word(wanted: Service, there: dict[VsKey, Service] | None) -> str:
    if there is None:
        return "unknown"
    found = there.get(wanted.vs)
    if found is None:
        return "missing"
    return "applied" if found == wanted else "differs"
