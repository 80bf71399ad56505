# SPDX-License-Identifier: BSD-3-Clause
"""What changes in the checks between two sets of services, a line each, beside the ops. Pure."""

from collections.abc import Iterable

from msgspec import UnsetType

from slb.model import codec
from slb.model.health import Health
from slb.model.service import Service


def lines(old: Iterable[Service], new: Iterable[Service]) -> list[str]:
    """Return what changes of VS that stay or are new."""
    # What is the same object needs no look: after a small change of a large set that is nearly all.
    before = {id(service): service for service in old}
    after = {id(service): service for service in new}
    had = {before[one].vs: before[one].health for one in before.keys() - after.keys()}
    changed = [
        (service.vs, had.get(service.vs), service.health)
        for one, service in after.items()
        if one not in before and (service.health or None) != (had.get(service.vs) or None)
    ]
    return [f"~ vs {vs} health {words(had)} -> {words(has)}" for vs, had, has in changed]


def words(check: Health | UnsetType | None) -> str:
    """Say what a check is: its type, and what is not as usual."""
    if not check:
        return "none"
    given = codec.to_plain(check)
    passive = given.pop("passive", None)
    parts = [given.pop("type"), *(f"{name} {value}" for name, value in given.items())]
    if passive is not None:
        parts += ["passive", *(f"{name} {value}" for name, value in passive.items())]
    return " ".join(parts)
