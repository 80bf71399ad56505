# SPDX-License-Identifier: BSD-3-Clause
"""What changes in the checks between two sets of services, a line each, beside the ops. Pure."""

from collections.abc import Iterable

from msgspec import UnsetType

from slb.model import codec
from slb.model.health import Health
from slb.model.service import Service


def lines(old: Iterable[Service], new: Iterable[Service]) -> list[str]:
    """Return what changes of VS that stay or are new."""
    before = {service.vs: service for service in old}
    changed = [
        (service.vs, was.health if was else None, service.health)
        for service in new
        if (was := before.get(service.vs)) is not service
        and (service.health or None) != ((was.health or None) if was else None)
    ]
    return [f"~ vs {vs} health {words(had)} -> {words(has)}" for vs, had, has in changed]


def words(check: Health | UnsetType | None) -> str:
    """Say what a check is: its type, and what is not as usual."""
    if not check:
        return "none"
    given = codec.to_plain(check)
    return " ".join([given.pop("type"), *(f"{name} {value}" for name, value in given.items())])
