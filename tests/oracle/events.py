# SPDX-License-Identifier: BSD-3-Clause
"""What happens in a scenario, in words that make sense whatever happened before.

`who` numbers count through what there is at that moment (sessions, local addresses), round and
round, so that a scenario stays one when hypothesis takes parts of it away.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from values import Op, Settings, View

Quirks = Mapping[str, int]


@dataclass(frozen=True)
class FromClient:
    """A client's packet to `vs`, `10.96.0.10:80/tcp`."""

    client: str
    port: int
    vs: str
    flags: int = 2
    payload: int = 0
    quirks: Quirks = field(default_factory=dict)


@dataclass(frozen=True)
class OfSession:
    """A packet of the session number `who`, of either end; without flags what is due next."""

    who: int
    outward: bool
    flags: int | None = 16
    payload: int = 0
    quirks: Quirks = field(default_factory=dict)


@dataclass(frozen=True)
class Other:
    """Any other packet: `proto` may be ICMP, `to` an address or the number of a local one."""

    source: str
    to: str | int
    proto: int
    sport: int = 0
    dport: int = 0
    payload: int = 0
    quirks: Quirks = field(default_factory=dict)


@dataclass(frozen=True)
class Fragmented:
    """A packet in fragments of so many bytes; fragmenting.py tells `how` they come."""

    sent: FromClient | OfSession | Other
    size: int
    how: int
    ident: int


@dataclass(frozen=True)
class ErrorAbout:
    """An ICMP error about a packet that was sent not long ago, and what it `says`.

    It quotes so many bytes behind the packet's IP header, after some `twist`.
    """

    which: int
    source: int
    says: int
    size: int
    twist: int
    quirks: Quirks = field(default_factory=dict)


@dataclass(frozen=True)
class Acks:
    """A client's acknowledgement of a SYN-ACK that was sent to one not long ago."""

    which: int
    flags: int = 16
    payload: int = 0
    quirks: Quirks = field(default_factory=dict)


@dataclass(frozen=True)
class Noise:
    """Bytes that need not be a packet."""

    frame: bytes


Sent = FromClient | OfSession | Other | Fragmented | ErrorAbout | Acks | Noise


@dataclass(frozen=True)
class Burst:
    """Packets that arrive together."""

    packets: Sequence[Sent]
    worker: int = 0
    port: int = 0
    segments: int = 1


@dataclass(frozen=True)
class Wait:
    """Time passes, in ticks."""

    ticks: int


@dataclass(frozen=True)
class Change:
    """The operator's transaction."""

    ops: Sequence[Op]


@dataclass(frozen=True)
class Reroute:
    """Routes, neighbours and own addresses are now these."""

    view: View


@dataclass(frozen=True)
class Quiesce:
    """No new sessions from now on."""


Event = Burst | Wait | Change | Reroute | Quiesce


@dataclass(frozen=True)
class Scenario:
    """A topology, and what happens in it."""

    settings: Settings
    events: Sequence[Event]
