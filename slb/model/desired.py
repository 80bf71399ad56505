# SPDX-License-Identifier: BSD-3-Clause
"""What slb-agent's API takes and answers beyond slbd's: desired state by owner, history, status.

A digest is the SHA-256, in hexadecimal digits, of a set of services as compact JSON: a list ordered
by VS, in each the RS in order, every field present, in the order of slb.model.service.
"""

import hashlib
from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from slb.model import codec
from slb.model.endpoint import VsKey
from slb.model.service import Service

AGENT_SOCKET = "/run/slb-agent/agent.sock"
OPERATOR = "operator"
MAX_CONFIRM_S = 86400

OwnerName = Annotated[
    str,
    Meta(pattern=r"^[a-z][a-z0-9-]{0,31}$", description="an owner's name"),
]
Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class Snapshot(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole set of one owner; `generation` is the owner's own number for it.

    `digest`, where it is given, must be that of `services`. Without `allow_empty` a set without
    any VS is refused.
    """

    owner: OwnerName
    epoch: Number
    generation: Number
    services: tuple[Service, ...]
    digest: str = ""
    allow_empty: bool = False


class Delta(Struct, frozen=True, forbid_unknown_fields=True):
    """What leads from an owner's `base_generation` to its `generation`.

    `upserts` are whole VS, new ones or instead of those that are there. `digest`, where it is
    given, must be that of what comes out.
    """

    owner: OwnerName
    epoch: Number
    base_generation: Number
    generation: Number
    upserts: tuple[Service, ...] = ()
    deletes: tuple[VsKey, ...] = ()
    digest: str = ""


class RollbackTo(Struct, frozen=True, forbid_unknown_fields=True):
    """To which generation; None: to before the last change."""

    generation: Number | None = None


class OwnerView(Struct, frozen=True):
    """An owner's set: how many VS and RS, its digest, and what it was numbered by the owner.

    `confirm_within_s`: the time left to confirm its last change; None: nothing is to be confirmed.
    """

    owner: str
    epoch: int
    generation: int
    digest: str
    vs: int
    rs: int
    confirm_within_s: float | None = None
    services: tuple[Service, ...] | None = None


class StateView(Struct, frozen=True):
    """The desired state: the agent's generation, and every owner's set."""

    generation: int
    owners: list[OwnerView]


class VsStatus(Struct, frozen=True):
    """A VS of the desired state; `slbd`: applied, it has it so; differs; missing; or unknown.

    `applied`: the generation of the desired state that slbd has of it; None: not this one. Of its
    `rs`, `rs_with_weight` are to get new sessions, but for `rs_out` of these, which are down.
    """

    vs: str
    owner: str
    slbd: str
    applied: int | None
    rs: int
    rs_with_weight: int
    rs_out: int = 0


class StatusView(Struct, frozen=True):
    """How desired and current state are to each other.

    `slbd`: applied, it has the desired state; incomplete, but for what it refuses; refused, it
    would not take it; unreachable; or unknown until it was asked. `reason` says more of all but the
    first. `applied` is the last generation that it had. `mended` counts how often it had been
    changed beside us. Of the RS `rs_checked` are, and `rs_down` of these are down. `services`, if
    they were asked for: each VS.
    """

    generation: int
    applied: int
    slbd: str
    reason: str
    slbd_pid: int
    slbd_generation: int
    mended: int
    owners: list[OwnerView]
    rs_checked: int = 0
    rs_down: int = 0
    services: list[VsStatus] | None = None


class VersionView(Struct, frozen=True):
    """A version of the desired state that is kept; `time` in seconds since 1970."""

    generation: int
    time: float
    owner: str
    change: str
    vs: int
    rs: int


def ordered(services: Iterable[Service]) -> tuple[Service, ...]:
    """Return services by VS, each with its RS in order."""
    sorted_rs = (
        replace(service, rs=tuple(sorted(service.rs, key=lambda real: real.rs)))
        for service in services
    )
    return tuple(sorted(sorted_rs, key=lambda service: service.vs))


def digest(services: Iterable[Service]) -> str:
    """Return the digest of a set of services, in whatever order they are."""
    return hashlib.sha256(codec.encode(ordered(services))).hexdigest()
