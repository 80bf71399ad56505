# SPDX-License-Identifier: BSD-3-Clause
"""How an RS is told its client's address (docs/decisions/0012): TOA, and the PROXY protocol.

A client's segment may get longer; with a PROXY header the RS counts more bytes than the client.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from oracle.packet import ACK, RST, SYN, Endpoint, Packet
from oracle.tcp_numbers import (
    ACK_AT,
    FLAGS_AT,
    MODULO,
    NOP,
    OPTIONS_AT,
    SACK,
    SEQ_AT,
    options,
    word,
)
from oracle.tcp_state import Way

TOA_KIND, FAST_OPEN, MSS = 254, 34, 2
MOST_OPTIONS = 40
PUSH = 0x08
SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
LONG_PAST = 1 << 30
LEAST_MSS = 64
LEAST_MTU = {4: 68, 6: 1280}
TOO_BIG = {4: b"\x03\x04", 6: b"\x02"}


@dataclass(frozen=True)
class Plan:
    """What a client's segment needs."""

    tells: bool = False
    behind: bool = False  # the header, in the RS's count
    untold: bool = False  # it should tell, and there is no room
    refused: bool = False  # it cannot be changed


@dataclass
class Telling:
    """What is known of it in one session; `first`: the client's first byte, in its own numbers."""

    how: str
    client: Endpoint
    service: Endpoint
    first: int
    begun: bool = False  # a segment that should tell was on its way
    told: bool = False
    past: bool = False  # the first byte is so far behind that its number may be another's
    late: bool = False  # the RS has taken data before any header

    @property
    def option(self) -> bytes:
        """TOA's."""
        value = self.client[1].to_bytes(2, "big") + self.client[0]
        return bytes((TOA_KIND, len(value) + 2)) + value

    @property
    def header(self) -> bytes:
        """The PROXY protocol's."""
        ends = self.client[0] + self.service[0]
        ends += self.client[1].to_bytes(2, "big") + self.service[1].to_bytes(2, "big")
        family = b"\x11" if len(self.client[0]) == 4 else b"\x21"
        return SIGNATURE + b"\x21" + family + len(ends).to_bytes(2, "big") + ends

    @property
    def counts(self) -> bool:
        """Whether the RS may count other bytes than the client."""
        return self.how == "proxy-v2" and not self.late

    @property
    def most(self) -> int:
        """Bytes that a segment may grow by."""
        if self.told or self.late:
            return 0
        return len(self.header if self.counts else self.option)

    # A client's segments.

    def plan(self, packet: Packet, room: int) -> Plan:
        """What it needs that may grow by so much."""
        if packet.fragment:
            return Plan(refused=not self.late)
        may = packet.flags & (SYN | ACK | RST) == ACK
        if self.how == "toa":
            if self.told or not may:
                return Plan()
            self.begun = True
            longer = with_option(packet.l4_header, self.option)
            fits = longer is not None and len(longer) - len(packet.l4_header) <= room
            return Plan(tells=fits, untold=not fits)
        place = signed(word(packet.l4_header, SEQ_AT) - self.first)
        if self._evades(packet, place):
            return Plan(refused=True)
        if self.late or (place < 0 and not self.past):
            return Plan()
        if place > 0 or self.past or self.told:
            return Plan(behind=True)
        began, self.begun = self.begun, self.begun or may
        return Plan(tells=may, behind=began and not may)

    def _evades(self, packet: Packet, place: int) -> bool:
        """Whether the RS could find what is the client's where it expects the header."""
        if self.late:
            return False
        if packet.flags & (SYN | ACK | RST) == SYN:
            return place != -1
        end = place + packet.end - packet.headers_end + bool(packet.flags & SYN)
        return not self.past and place < 0 < end

    def asked(self, header: bytes, plan: Plan) -> tuple[bytes, bytes]:
        """The header that the RS gets but for the renumbering, and what stands before the data."""
        if self.how == "toa":
            header = blanked(header, TOA_KIND)
            return (with_option(header, self.option) or header) if plan.tells else header, b""
        if header[FLAGS_AT] & SYN:
            header = blanked(header, TOA_KIND, FAST_OPEN)
        if plan.behind:
            header = _moved(header, SEQ_AT, len(self.header))
        return header, self.header if plan.tells else b""

    # What RS count.

    def less(self, number: int, shift: int) -> int:
        """How much less the client counts than the RS, whose number it is."""
        place, size = signed(number - shift - self.first), len(self.header)
        return size if self.past else min(max(place, 0), size)

    def more(self, number: int) -> int:
        """How much more the RS counts than the client, whose number it is."""
        place = signed(number - self.first)
        behind = self.past or place > 0 or (place == 0 and self.told)
        return len(self.header) if behind else 0

    def learn(self, before: int, sent: int) -> int:
        """What the client's numbers are raised by: from an acknowledgement before and after."""
        place = signed(sent - self.first)
        return (before - sent - (len(self.header) if place > 0 else 0)) % MODULO

    def hear(self, header: bytes, shift: int) -> bool:
        """An RS's segment that is passed on; whether with it telling has failed."""
        flags = header[FLAGS_AT]
        if self.how == "toa":
            self.told |= self.begun and not flags & SYN
            return False
        if not self.counts or not flags & ACK:
            return False
        place = signed(word(header, ACK_AT) - shift - self.first)
        if flags & SYN:
            self.late = 0 < place <= 0xFFFF and not self.begun
            return self.late
        if self.begun and place >= len(self.header):
            self.told = True
            self.past |= place >= LONG_PAST
        return False

    def answered(self, header: bytes, shift: int) -> bytes:
        """An RS's header as if there had been no PROXY header."""
        if not self.counts:
            return header
        for at in acks(header):
            header = _moved(header, at, -self.less(word(header, at), shift))
        return header

    def guesses(self, header: bytes) -> Iterator[bytes]:
        """All that answered() may give for some shift, but for numbers within the PROXY header."""
        places = acks(header) if self.counts else []
        for less in product((0, len(self.header)), repeat=len(places)):
            guess = header
            for at, by in zip(places, less, strict=True):
                guess = _moved(guess, at, -by)
            yield guess

    def announced(self, header: bytes) -> bytes:
        """An RS's header with a segment size that leaves room."""
        if not self.counts or not header[FLAGS_AT] & SYN:
            return header
        changed = bytearray(header)
        for at, kind, size in options(header):
            value = int.from_bytes(header[at + 2 : at + 4], "big")
            if kind == MSS and size == 4 and value >= LEAST_MSS + len(self.header):
                changed[at + 2 : at + 4] = (value - len(self.header)).to_bytes(2, "big")
        return bytes(changed)

    # ICMP errors.

    def quoted(self, header: bytes, came: Way, shift: int) -> bytes:
        """What is quoted of a header, as its sender counts, yet with the renumbering."""
        if not self.counts:
            return header
        if came is Way.IN:
            return _moved(header, SEQ_AT, -self.less(word(header, SEQ_AT), shift))
        for at in acks(header):
            header = _moved(header, at, self.more(word(header, at)))
        return header

    def lowered(self, packet: Packet) -> bytes:
        """The frame of an error to the client, with an MTU that leaves room."""
        frame, at, family = packet.frame, packet.l4, packet.family
        if not frame[at : at + 2].startswith(TOO_BIG[family]):
            return frame
        where = slice(at + 6, at + 8) if family == 4 else slice(at + 4, at + 8)
        told = int.from_bytes(frame[where], "big")
        if told > LEAST_MTU[family]:
            told = max(told - self.most, LEAST_MTU[family])
        return (
            frame[: where.start] + told.to_bytes(where.stop - where.start, "big") + frame[at + 8 :]
        )


def signed(number: int) -> int:
    """The difference of two sequence numbers."""
    number %= MODULO
    return number - MODULO if number >= MODULO // 2 else number


def acks(header: bytes) -> list[int]:
    """Where a header acknowledges something."""
    places = [ACK_AT] if len(header) > FLAGS_AT and header[FLAGS_AT] & ACK else []
    for at, kind, size in options(header):
        if kind == SACK and size % 8 == 2:
            places += range(at + 2, at + size, 4)
    return places


def with_option(header: bytes, option: bytes) -> bytes | None:
    """The header with an option behind its others; None: there it would not be found, or fit."""
    kept = header[OPTIONS_AT:]
    at = 0
    while at < len(kept) and kept[at]:
        size = 1 if kept[at] == NOP else (kept[at + 1 : at + 2] or b"\0")[0]
        if size == 0 or (size == 1 and kept[at] != NOP) or at + size > len(kept):
            return None
        at += size
    new = kept[:at] + option
    new = new.ljust(max(len(kept), (len(new) + 3) // 4 * 4), b"\0")
    if len(new) > MOST_OPTIONS:
        return None
    offset = (OPTIONS_AT + len(new)) // 4 << 4 | header[12] & 15
    return header[:12] + bytes((offset,)) + header[13:OPTIONS_AT] + new


def blanked(header: bytes, *kinds: int) -> bytes:
    """The header with NOPs in place of options of these kinds."""
    changed = bytearray(header)
    for at, kind, size in options(header):
        if kind in kinds:
            changed[at : at + size] = bytes((NOP,)) * size
    return bytes(changed)


def _moved(header: bytes, at: int, by: int) -> bytes:
    return header[:at] + ((word(header, at) + by) % MODULO).to_bytes(4, "big") + header[at + 4 :]
