# SPDX-License-Identifier: BSD-3-Clause
"""What is checked: an address and how. VS that check the same in the same way share it. Pure."""

from typing import NamedTuple

from msgspec.structs import replace

from slb.model.endpoint import Endpoint, VsKey
from slb.model.health import Check, CommandCheck, IcmpCheck, NoCheck
from slb.model.service import Service


class Ejected(NamedTuple):
    """An RS of a VS that clients' connections speak against."""

    vs: VsKey
    rs: Endpoint


class Target:
    """Where a check goes to; a value, whose hash is worked out once.

    `vs`: for whom it is made, where that makes a difference.
    """

    __slots__ = ("_hash", "at", "check", "vs")

    def __init__(self, at: Endpoint, check: Check, vs: VsKey | None = None) -> None:
        self.at = at
        self.check = check
        self.vs = vs
        self._hash = hash((at, check, vs))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Target):
            return NotImplemented
        return (self.at, self.check, self.vs) == (other.at, other.check, other.vs)

    def __hash__(self) -> int:
        return self._hash


def of(service: Service) -> tuple[Target, ...]:
    """Return the targets of a VS's RS, in their order; none without checks."""
    if not service.health or isinstance(service.health, NoCheck):
        return ()
    # What is the VS's alone makes no other check.
    check = replace(service.health, down="keep", max_ejected_percent=50, passive=None)
    vs = service.vs if isinstance(check, CommandCheck) else None
    return tuple(
        Target(Endpoint(real.rs.address, _port(check, real.rs)), check, vs) for real in service.rs
    )


def _port(check: Check, rs: Endpoint) -> int:
    return 0 if isinstance(check, IcmpCheck) else check.port or rs.port
