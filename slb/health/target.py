# SPDX-License-Identifier: BSD-3-Clause
"""What is checked: an address and how. VS that check the same in the same way share it. Pure."""

from slb.model.endpoint import Endpoint
from slb.model.health import Check
from slb.model.service import Service


class Target:
    """Where a check goes to; a value, whose hash is worked out once."""

    __slots__ = ("_hash", "at", "check")

    def __init__(self, at: Endpoint, check: Check) -> None:
        self.at = at
        self.check = check
        self._hash = hash((at, check))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Target):
            return NotImplemented
        return self.at == other.at and self.check == other.check

    def __hash__(self) -> int:
        return self._hash


def of(service: Service) -> tuple[Target, ...]:
    """Return the targets of a VS's RS, in their order; none without checks."""
    if not service.health:
        return ()
    check, port = service.health.probe(), service.health.port
    return tuple(
        Target(Endpoint(real.rs.address, port or real.rs.port), check) for real in service.rs
    )
