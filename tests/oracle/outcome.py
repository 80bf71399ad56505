# SPDX-License-Identifier: BSD-3-Clause
"""What comes of a packet: what is known of it on its way, its verdict, and what may be observed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from oracle.datagrams import Datagram
from oracle.icmp_errors import Quotation
from oracle.packet import Endpoint, Packet
from oracle.sessions import Session
from oracle.tcp_numbers import Shift
from oracle.tcp_state import Way
from oracle.telling import Plan, Telling


@dataclass(frozen=True)
class Arrival:
    """How a burst came."""

    worker: int
    port: int
    handed: bool = False
    segments: int = 1


@dataclass(frozen=True)
class Trail:
    """What is known of a packet that was handed over."""

    asked: Sequence[int] = ()  # workers that have looked for its session
    ports: tuple[int, int] | None = None  # of a fragment, once they are known
    datagram: Datagram | None = None  # that it is of
    home: bool = False  # where that is at home
    port: int | None = None  # that it came by, if it has waited
    passed: bool = False  # to where its session is to be made


NO_TRAIL, NO_PLAN = Trail(), Plan()


@dataclass(frozen=True)
class Verdict:
    """What must come of a packet, in the words of the harness; of the frames, any will do."""

    what: str
    frames: Sequence[bytes] = ()
    family: int = 0  # of the packet that came, where one is sent
    counted: str = ""  # as a drop for this reason, though one is sent
    trail: Trail = NO_TRAIL  # of one handed over


@dataclass(frozen=True, order=True)
class Choice:
    """What the engine chose for a new session: local end and RS."""

    local: Endpoint
    rs: Endpoint


class Observed(Protocol):
    """What the engine chose for the packet at a place in the burst, where it has a choice."""

    def choice(
        self, place: int, packet: Packet, known: Collection[Endpoint], fits: Collection[Endpoint]
    ) -> Choice:
        """For its new session; the client's others are known by their local ends.

        Where nobody can tell which of several it is, one with an RS that fits.
        """

    def gone(self, sessions: list[Session]) -> list[Session]:
        """Which of these of the worker's are no longer there."""

    def full(self, place: int) -> bool:
        """Whether there was no room for its session."""

    def worker(self, place: int) -> int:
        """Who works on it: another one that it was handed to, or this one."""

    def identification(self, place: int) -> int:
        """For the IPv4 packet that it became."""

    def l4_header(self, place: int) -> bytes | None:
        """The transport header that it was sent with, if it was."""

    def quotation(self, place: int) -> Quotation | None:
        """What the error quotes that was sent, if it was."""

    def home(self, place: int, frame: bytes) -> int:
        """Where a fragment is at home: the worker that it was handed to as it was, or this one."""

    def fragment(self, place: int, ident: int) -> tuple[int, int] | None:
        """The new identification of a fragment, and which of its 32 bits there are."""

    def metered(self, place: int) -> bool:
        """Whether it was one too many for the kernel."""

    def without_buffer(self, place: int) -> bool:
        """Whether there was no buffer for what was to be made of it."""


@dataclass
class Fate:
    """A packet of the burst under way: a verdict, or a session."""

    arrival: Arrival
    place: int
    frame: bytes
    packet: Packet | None = None
    verdict: Verdict | None = None
    session: Session | None = None
    way: Way | None = None
    quoted: Quotation | None = None  # by an error
    mirror: Shift = field(default_factory=Shift)  # of the session that it is about
    trail: Trail = NO_TRAIL
    plan: Plan = NO_PLAN
    telling: Telling | None = None  # of the session, as it was before the burst
    original: bytes = b""  # or this, with the old identification or without bytes behind it
    changed: Sequence[bytes] = ()  # or one of these, with what an RS is told, or told

    @property
    def answers(self) -> bool:
        """Whether it ends a one-packet session: an answer in one piece."""
        if self.verdict is not None or self.session is None or self.packet is None:
            return False
        whole = self.quoted is None and not self.packet.fragment and self.way is Way.OUT
        return whole and self.session.one_packet

    def left_as(self, verdict: Verdict) -> Sequence[bytes]:
        """What it may look like when it is not sent."""
        if not verdict.what.startswith("DROP "):
            return [self.frame]
        return [self.frame, *filter(None, [self.original]), *self.changed]

    def punt(self, kind: int) -> None:
        """The kernel gets it."""
        self.verdict = Verdict(f"PUNT {kind}")
