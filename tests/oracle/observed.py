# SPDX-License-Identifier: BSD-3-Clause
"""What the engine was seen to choose, in one burst, where the choice is its own."""

from collections.abc import Collection, Sequence
from ipaddress import ip_address

from driver import Harness, Result

from oracle import fragments
from oracle.icmp_errors import Quotation, quotation
from oracle.outcome import Choice
from oracle.packet import ETHERNET, ICMP, ICMP6, RST, Endpoint, Packet, number, read
from oracle.services import endpoint_of
from oracle.sessions import PROTOCOLS, Session
from oracle.translate import identification


class Difference(AssertionError):
    """Engine and model do not agree."""


class Seen:
    """The results of a burst, asked for choices. `sent` are the frames without VLAN tags."""

    def __init__(
        self, engine: Harness, worker: int, results: Sequence[Result], vlans: dict[int, int]
    ) -> None:
        self._engine, self._worker, self.results = engine, worker, results
        self.sent = [
            _bare(one.data, vlans.get(one.arg, 0)) if one.verdict == "TX" else None
            for one in results
        ]

    def choice(
        self, place: int, packet: Packet, known: Collection[Endpoint], fits: Collection[Endpoint]
    ) -> Choice:
        """Local end and RS of a new session: read off the frame sent, or off the listing.

        `known` are the local ends of the client's other sessions, and RS that fit come first.
        """
        frame = self.sent[place]
        sent = None if frame is None else read(frame)
        if (
            sent is not None and sent.proto == packet.proto and not sent.flags & RST
        ):  # and not an error about the packet
            return Choice((sent.src, sent.sport), (sent.dst, sent.dport))
        client = written((packet.src, packet.sport), packet.proto)
        vs = written((packet.dst, packet.dport), packet.proto)
        rows = self._engine.sessions(client=client, vs=vs, worker=self._worker)
        listed = [Choice(endpoint_of(row.local), endpoint_of(row.rs)) for row in rows]
        new = [one for one in listed if one.local not in known]
        if len(new) > 1:
            # A one-packet service makes many sessions of a client; those of frames sent are told.
            sent_from = {(sent.src, sent.sport) for sent in map(read, filter(None, self.sent))}
            new = [one for one in new if one.local not in sent_from]
        if not new:
            raise Difference(f"{client} to {vs}: {self.results[place].what}, no session listed")
        return min(new, key=lambda one: (one.rs not in fits, one))

    def gone(self, sessions: list[Session]) -> list[Session]:
        """Which of these are no longer listed."""
        rows = self._engine.sessions(worker=self._worker)
        listed = {(row.client, row.vs, row.local, row.rs) for row in rows}
        return [one for one in sessions if names_of(one) not in listed]

    def full(self, place: int) -> bool:
        """Whether there was no room for its session; the client of a SYN proxy gets an RST."""
        frame = self.sent[place]
        reset = frame is not None and bool(read(frame).flags & RST)
        return reset or self.results[place].what == "DROP SESSION_FULL"

    def worker(self, place: int) -> int:
        """The worker that it was handed to, or this one."""
        result = self.results[place]
        return result.arg if result.verdict == "HANDOFF" else self._worker

    def identification(self, place: int) -> int:
        """Of the IPv4 packet that was sent."""
        frame = self.sent[place]
        return 0 if frame is None else identification(frame)

    def l4_header(self, place: int) -> bytes | None:
        """The transport header of a frame that was sent."""
        frame = self.sent[place]
        return None if frame is None else read(frame).l4_header

    def quotation(self, place: int) -> Quotation | None:
        """What the error that was sent quotes."""
        frame = self.sent[place]
        return None if frame is None else quotation(read(frame))

    def home(self, place: int, frame: bytes) -> int:
        """The worker that a fragment was handed to as it was, or this one."""
        result = self.results[place]
        away = result.verdict == "HANDOFF" and result.data == frame
        return result.arg if away else self._worker

    def fragment(self, place: int, ident: int) -> tuple[int, int] | None:
        """The identification that a fragment has got, or that an error tells of it."""
        result = self.results[place]
        frame = self.sent[place] if result.verdict == "TX" else result.data
        if frame is None or result.verdict == "HELD":
            return None
        packet = read(frame)
        if not packet.fragment:
            if packet.proto not in (ICMP, ICMP6):
                return None
            frame = frame[:ETHERNET] + frame[packet.l4 + 8 :]
        seen = fragments.ident_of(frame)
        return None if result.verdict == "DROP" and seen[0] == ident else seen

    def metered(self, place: int) -> bool:
        """Whether it was one too many for the kernel."""
        return self.results[place].what == "DROP PUNT_RATE"

    def without_buffer(self, place: int) -> bool:
        """Whether there was no buffer for what was to be made of it."""
        return self.results[place].what == "DROP NO_MBUF"


def _bare(frame: bytes, vlan: int) -> bytes:
    """The frame without its tag; one that has another than it should is left as it is."""
    right = vlan and number(frame, 12) == 0x8100 and number(frame, 14) == vlan
    return frame[:12] + frame[16:] if right else frame


def names_of(session: Session) -> tuple[str, str, str, str]:
    """Client, VS, local end and RS of a session as listings have them."""
    ends = session.client, session.service, session.local, session.rs.endpoint
    client, vs, local, rs = (written(end, session.proto) for end in ends)
    return client, vs, local, rs


def written(end: Endpoint, proto: int) -> str:
    """An endpoint as listings have it."""
    address = ip_address(end[0])
    host = str(address) if address.version == 4 else f"[{address}]"
    return f"{host}:{end[1]}/{PROTOCOLS[proto]}"
