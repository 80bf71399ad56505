# SPDX-License-Identifier: BSD-3-Clause
"""What slb-agent's API takes and answers beyond slbd's: desired state by owner, history, status.

A VS's digest is the SHA-256 of it as compact JSON: the RS in order, every field present, in the
order of slb.model.service. A set's is the SHA-256, in hexadecimal digits, of the digests of its VS,
32 octets each, one behind the other in the order of the VS. So a change of one VS of a large set
takes the text of that one alone.
"""

import hashlib
from collections.abc import Iterable
from operator import attrgetter
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from slb.model import codec
from slb.model.endpoint import VsKey
from slb.model.service import Service

AGENT_SOCKET = "/run/slb-agent/agent.sock"
AGENT_STATE = "/var/lib/slb"
OPERATOR = "operator"
MAX_CONFIRM_S = 86400
# The operator among them.
MAX_OWNERS = 32

OwnerName = Annotated[
    str,
    Meta(pattern=r"^[a-z][a-z0-9-]{0,31}\Z", description="an owner's name"),
]
Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class Snapshot(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole set of one owner; `generation` is the owner's own number for it.

    `digest`, where it is given, must be that of `services`: the SHA-256, in hexadecimal digits, of
    the SHA-256 of each VS as compact JSON with every field, 32 octets each, VS and RS in order.
    Without `allow_empty` a set without any VS is refused.
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
    changed beside us, `mended_ago_s` when last. Of the RS `rs_checked` are, and `rs_down` of these
    are down; of `rs_silent` the last check said nothing, for one because of `silent_reason`.
    `checks_stopped`: there are some to be made, and none are.
    `services`, if they were asked for: each VS. `damaged`: the newest version on disk when the
    agent started, if it could not be read; 0: it could. `reload_trouble`: why agent.yaml was not
    taken when it was read again last. `certificate_ends_in_s`: below 0 it has ended.
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
    mended_ago_s: float | None = None
    damaged: int = 0
    reload_trouble: str = ""
    certificate_ends_in_s: float | None = None
    rs_silent: int = 0
    silent_reason: str = ""
    checks_stopped: bool = False


class VersionView(Struct, frozen=True):
    """A version of the desired state that is kept; `time` in seconds since 1970.

    `who` made it, and from where, `peer`: an address, or a process; empty if that is not known.
    """

    generation: int
    time: float
    owner: str
    change: str
    vs: int
    rs: int
    who: str = ""
    peer: str = ""


def ordered(services: Iterable[Service]) -> tuple[Service, ...]:
    """Return services by VS, each with its RS in order."""
    return tuple(map(_rs_in_order, sorted(services, key=attrgetter("vs.order"))))


def digest(services: Iterable[Service]) -> str:
    """Return the digest of a set of services, in whatever order they are."""
    every = sorted(services, key=attrgetter("vs.order"))
    return hashlib.sha256(b"".join(map(digest_of, every))).hexdigest()


def digest_of(service: Service) -> bytes:
    """Return the digest of one VS."""
    return hashlib.sha256(codec.encode(_rs_in_order(service))).digest()


def _rs_in_order(service: Service) -> Service:
    rs = tuple(sorted(service.rs, key=attrgetter("rs.order")))
    return replace(service, rs=rs)
