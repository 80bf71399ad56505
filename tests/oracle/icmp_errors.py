# SPDX-License-Identifier: BSD-3-Clause
"""ICMP errors: what they quote, what the other end gets of them, and those made here.

Types, codes, pointers and MTUs between the families are those of RFC 7915, 4.2 and 5.2; what the
balancer does besides is in docs/decisions/0009.
"""

from dataclasses import dataclass, replace
from itertools import product
from typing import TypeVar

from oracle.checksum import adjusted, carried, checksum
from oracle.extensions import OutOfPlace, walk
from oracle.made import DONT_FRAGMENT, ip_header
from oracle.packet import (
    ETHERNET,
    ICMP,
    ICMP6,
    TCP,
    UDP,
    Address,
    Endpoint,
    Key,
    Malformed,
    Packet,
    number,
)
from oracle.tcp_numbers import Shift
from oracle.tcp_state import Way
from oracle.telling import Telling
from oracle.translate import (
    ADDRESSES_AT,
    IP_CHECKSUM_AT,
    MAY_BE_FRAGMENTED,
    TTL_AT,
    Ident,
    Macs,
    other_family,
)

UNREACHABLE, TIME_EXCEEDED, PARAMETER = 3, 11, 12
UNREACHABLE6, TOO_BIG6, TIME_EXCEEDED6, PARAMETER6 = 1, 2, 3, 4
TYPES = {
    4: (UNREACHABLE, TIME_EXCEEDED, PARAMETER),
    6: (UNREACHABLE6, TOO_BIG6, TIME_EXCEEDED6, PARAMETER6),
}
HEADER = 8
LEAST_MTU6 = 1280
PLATEAUS = (65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68)  # RFC 1191, 7
MOST_QUOTED = {4: 576, 6: 1280}  # length of an error made here
K = TypeVar("K")
V = TypeVar("V")
TOS = 0xC0  # internetwork control

# What has its counterpart in another type and code, and nothing besides.
TO_V6 = {
    (UNREACHABLE, 0): (UNREACHABLE6, 0),
    (UNREACHABLE, 1): (UNREACHABLE6, 0),
    (UNREACHABLE, 3): (UNREACHABLE6, 4),
    (UNREACHABLE, 5): (UNREACHABLE6, 0),
    (UNREACHABLE, 6): (UNREACHABLE6, 0),
    (UNREACHABLE, 7): (UNREACHABLE6, 0),
    (UNREACHABLE, 8): (UNREACHABLE6, 0),
    (UNREACHABLE, 9): (UNREACHABLE6, 1),
    (UNREACHABLE, 10): (UNREACHABLE6, 1),
    (UNREACHABLE, 11): (UNREACHABLE6, 0),
    (UNREACHABLE, 12): (UNREACHABLE6, 0),
    (UNREACHABLE, 13): (UNREACHABLE6, 1),
    (UNREACHABLE, 15): (UNREACHABLE6, 1),
}
TO_V4 = {
    (UNREACHABLE6, 0): (UNREACHABLE, 1),
    (UNREACHABLE6, 1): (UNREACHABLE, 10),
    (UNREACHABLE6, 2): (UNREACHABLE, 1),
    (UNREACHABLE6, 3): (UNREACHABLE, 1),
    (UNREACHABLE6, 4): (UNREACHABLE, 3),
    (PARAMETER6, 1): (UNREACHABLE, 2),
}
# Where in a header of the other family the field is that a pointer points at.
POINTER_V6 = {0: 0, 1: 1, 2: 4, 3: 4, 8: 7, 9: 6}
POINTER_V6 |= dict.fromkeys(range(12, 16), 8) | dict.fromkeys(range(16, 20), 24)
POINTER_V4 = {0: 0, 1: 1, 4: 2, 5: 2, 6: 9, 7: 8}
POINTER_V4 |= dict.fromkeys(range(8, 24), 12) | dict.fromkeys(range(24, 40), 16)


@dataclass(frozen=True)
class Quotation:
    """The beginning of a packet as an error quotes it; offsets count from its IP header."""

    data: bytes
    family: int
    l4: int
    proto: int
    src: Address
    dst: Address

    @property
    def ports(self) -> tuple[int, int]:
        """Source and destination port."""
        return number(self.data, self.l4), number(self.data, self.l4 + 2)

    @property
    def answer_key(self) -> Key:
        """What a packet bears that answers the quoted one."""
        sport, dport = self.ports
        return self.proto, self.dst, dport, self.src, sport

    @property
    def header(self) -> bytes:
        """Of TCP or UDP, as much as is quoted: all of it, or else nothing of TCP's options."""
        segment = self.data[self.l4 :]
        if self.proto == UDP:
            return segment[:8]
        size = (segment[12] >> 4) * 4 if len(segment) > 12 else 20
        return segment[: size if 20 <= size <= len(segment) else 20]

    @property
    def length(self) -> int:
        """How long the quoted packet says it is."""
        return number(self.data, 2) if self.family == 4 else 40 + number(self.data, 4)


def is_error(packet: Packet) -> bool:
    """Whether it is an error of a kind that is translated."""
    return packet.proto in (ICMP, ICMP6) and packet.frame[packet.l4] in TYPES[packet.family]


def quotation(packet: Packet) -> Quotation:
    """What an error quotes; raises Malformed."""
    was, right = packet.l4_checksum()
    if (was - right) % 0xFFFF:
        raise Malformed("BAD_CHECKSUM")
    data = packet.frame[packet.l4 + HEADER : packet.end]
    found = _quoted_v4(data) if packet.family == 4 else _quoted_v6(data)
    shown = min(len(data), found.length)
    if found.proto not in (TCP, UDP) or shown < found.l4 + 8 or found.src != packet.dst:
        raise Malformed("ICMP")
    return found


def _quoted_v4(data: bytes) -> Quotation:
    if len(data) < 20 or not 0x45 <= data[0] <= 0x4F or number(data, 6) & 0x1FFF:
        raise Malformed("ICMP")
    return Quotation(data, 4, (data[0] & 15) * 4, data[9], data[12:16], data[16:20])


def _quoted_v6(data: bytes) -> Quotation:
    if len(data) < 40 or data[0] >> 4 != 6:
        raise Malformed("ICMP")
    try:
        chain = walk(data[6], data[40:])
    except OutOfPlace:
        raise Malformed("ICMP") from None
    if chain.offset:
        raise Malformed("ICMP")
    return Quotation(data, 6, 40 + chain.size, chain.proto, data[8:24], data[24:40])


def before(
    quoted: Quotation,
    shift: Shift,
    mirror: Shift,
    way: Way,
    sent: Quotation | None,
    telling: Telling | None = None,
) -> bytes:
    """The header that an end has sent which an error quotes that goes this way.

    `mirror`: what is added to the RS's numbers.
    """
    if quoted.proto != TCP:
        return quoted.header
    came = Way.OUT if way is Way.IN else Way.IN
    header = quoted.header
    if telling is not None and telling.counts:
        if shift.seq is None:  # nothing of the session has been sent on, so nobody can know
            return header if sent is None else sent.header
        header = telling.quoted(header, came, shift.seq)
    header = shift.undo(header, came, None if sent is None else sent.header)
    return mirror.undo(header, way, None)


def translated_length(packet: Packet, quoted: Quotation, family: int) -> int:
    """How long the error is as one of this family."""
    if family == packet.family:
        return packet.length
    behind = len(_without_extension(packet, quoted).data) - quoted.l4
    return 28 + 20 + behind if family == 4 else min(48 + 40 + behind, LEAST_MTU6)


def translated(
    packet: Packet,
    quoted: Quotation,
    macs: Macs,
    src: Endpoint,
    dst: Endpoint,
    header: bytes,
    ident: Ident,
) -> list[bytes]:
    """The error as the end gets it whose packet it quotes; that packet went from dst to src.

    It was sent with this header but for ports, as far as that is quoted.
    """
    family = 4 if len(dst[0]) == 4 else 6
    icmp = bytearray(packet.frame[packet.l4 : packet.l4 + HEADER])
    whole = 0  # length of the message with all that was quoted
    if family != packet.family:
        whole = HEADER + (20 if family == 4 else 40) + len(quoted.data) - quoted.l4
        icmp = bytearray(_other_icmp(bytes(icmp), quoted))
        quoted = _without_extension(packet, quoted)
    frames = []
    for inner in _quotations(quoted, dst, src, header):
        body = icmp + inner
        for start in _outer(packet, macs, src[0], dst[0], body, ident):
            # What stands behind the packet goes with what is cut off its end.
            tail = packet.frame[packet.end :] if len(body) >= whole else b""
            frames += _with_checksum(start, body, src[0] + dst[0], tail)
    return frames


def _without_extension(packet: Packet, quoted: Quotation) -> Quotation:
    """The quotation without what RFC 4884 has put behind it; its length is told before it."""
    icmp = packet.frame[packet.l4 : packet.l4 + HEADER]
    if packet.family == 4:
        size = icmp[5] * 4
    else:
        size = icmp[4] * 8 if icmp[0] in (UNREACHABLE6, TIME_EXCEEDED6) else 0
    return replace(quoted, data=quoted.data[:size]) if size else quoted


def _outer(
    packet: Packet, macs: Macs, src: Address, dst: Address, body: bytearray, ident: Ident
) -> list[bytes]:
    """What comes before the ICMP header; what a wrong IPv4 checksum may be."""
    family = 4 if len(dst) == 4 else 6
    if family != packet.family:
        if family == 6:
            del body[LEAST_MTU6 - 40 :]
        return [other_family(packet, macs, src, dst, len(body), ident)]
    start = bytearray(packet.frame[: packet.l4])
    start[0:12] = macs[0] + macs[1]
    start[TTL_AT[family]] -= 1
    at = ADDRESSES_AT[family]
    start[at : at + 2 * len(src)] = src + dst
    if family == 6:
        return [bytes(start)]
    header = start[ETHERNET:]
    values = carried(*packet.ip_checksum(), checksum(bytes(header[:10] + header[12:])))
    at = IP_CHECKSUM_AT
    return [bytes(start[:at]) + two(value) + bytes(start[at + 2 :]) for value in values]


def _with_checksum(start: bytes, body: bytearray, pseudo: bytes, tail: bytes) -> list[bytes]:
    body[2:4] = bytes(2)
    if len(pseudo) == 32:
        pseudo += len(body).to_bytes(4, "big") + ICMP6.to_bytes(4, "big")
    else:
        pseudo = b""
    value = checksum(pseudo + bytes(body))
    both = (value,) if value % 0xFFFF else (0, 0xFFFF)
    return [start + bytes(body[:2]) + two(one) + bytes(body[4:]) + tail for one in both]


def _quotations(quoted: Quotation, src: Endpoint, dst: Endpoint, header: bytes) -> list[bytes]:
    """The quoted packet as it was sent, from src to dst, with this header but for ports."""
    l4 = bytearray(two(src[1]) + two(dst[1]) + header[4:] + quoted.data[quoted.l4 + len(header) :])
    before = quoted.src + quoted.dst + quoted.header
    after = src[0] + dst[0] + bytes(l4[: len(header)])
    bodies = [bytes(l4)]
    at = 16 if quoted.proto == TCP else 6
    if len(l4) >= at + 2:
        values = adjusted(number(bytes(l4), at), before, after, quoted.proto == UDP)
        bodies = [bytes(l4[:at]) + two(value) + bytes(l4[at + 2 :]) for value in values]
    return [head + body for head, body in product(_headers(quoted, src, dst), bodies)]


def _headers(quoted: Quotation, src: Endpoint, dst: Endpoint) -> list[bytes]:
    data, family = quoted.data, 4 if len(src[0]) == 4 else 6
    addresses = src[0] + dst[0]
    if family == quoted.family:
        header = bytearray(data[: quoted.l4])
        if family == 6:
            header[8:40] = addresses
            return [bytes(header)]
        right_before = checksum(bytes(header[:10] + header[12:]))
        header[12:20] = addresses
        right = checksum(bytes(header[:10] + header[12:]))
        values = carried(number(data, 10), right_before, right)
        return [bytes(header[:10]) + two(value) + bytes(header[12:]) for value in values]
    payload = (quoted.length - quoted.l4) & 0xFFFF
    if family == 6:
        start = (6 << 28 | data[1] << 20).to_bytes(4, "big") + two(payload)
        return [start + bytes((quoted.proto, data[8])) + addresses]
    length = (20 + payload) & 0xFFFF
    bits = DONT_FRAGMENT if length > MAY_BE_FRAGMENTED else 0
    head = bytes((0x45, number(data, 0) >> 4 & 0xFF)) + two(length) + two(0) + two(bits)
    head += bytes((data[7], quoted.proto))
    return [head + two(checksum(head + addresses)) + addresses]


def _other_icmp(icmp: bytes, quoted: Quotation) -> bytes:
    """Type, code and what follows the checksum, in the other family."""
    kind, code = icmp[0], icmp[1]
    if quoted.family == 4:
        return _icmp_to_v6(kind, code, icmp, quoted)
    return _icmp_to_v4(kind, code, icmp)


def _icmp_to_v6(kind: int, code: int, icmp: bytes, quoted: Quotation) -> bytes:
    if kind == UNREACHABLE and code == 4:
        told = number(icmp, 6)
        if told == 0:
            told = next((mtu for mtu in PLATEAUS if mtu < quoted.length), PLATEAUS[-1])
        return _icmp(TOO_BIG6, 0, max(told + 20, LEAST_MTU6))
    if kind == UNREACHABLE and code == 2:
        return _icmp(PARAMETER6, 1, 6)  # at the next header
    if kind == TIME_EXCEEDED:
        return _icmp(TIME_EXCEEDED6, code, 0)
    if kind == PARAMETER and code in (0, 2):
        return _icmp(PARAMETER6, 0, _listed(POINTER_V6, icmp[4]))
    return _icmp(*_listed(TO_V6, (kind, code)), 0)


def _icmp_to_v4(kind: int, code: int, icmp: bytes) -> bytes:
    rest = int.from_bytes(icmp[4:8], "big")
    if kind == TOO_BIG6:
        return _icmp(UNREACHABLE, 4, min(max(rest - 20, 68), 0xFFFF))
    if kind == TIME_EXCEEDED6:
        return _icmp(TIME_EXCEEDED, code, 0)
    if kind == PARAMETER6 and code == 0:
        return _icmp(PARAMETER, 0, _listed(POINTER_V4, rest) << 24)
    return _icmp(*_listed(TO_V4, (kind, code)), 0)


def _listed(table: dict[K, V], key: K) -> V:
    if key not in table:
        raise Malformed("UNTRANSLATABLE")
    return table[key]


def _icmp(kind: int, code: int, rest: int) -> bytes:
    return bytes((kind, code, 0, 0)) + rest.to_bytes(4, "big")


def two(value: int) -> bytes:
    """A 16-bit number."""
    return value.to_bytes(2, "big")


def time_exceeded(packet: Packet) -> list[bytes]:
    """What the sender is told whose packet has used up its time to live."""
    return made(packet, TIME_EXCEEDED if packet.family == 4 else TIME_EXCEEDED6, 0, 0)


def too_big(packet: Packet, mtu: int) -> list[bytes]:
    """What the sender is told whose packet is too long."""
    if packet.family == 4:
        return made(packet, UNREACHABLE, 4, mtu)
    return made(packet, TOO_BIG6, 0, mtu)


def made(packet: Packet, kind: int, code: int, rest: int) -> list[bytes]:
    """An error about a packet, to where it came from, as from where it was sent to."""
    family, frame = packet.family, packet.frame
    headers = 20 + HEADER if family == 4 else 40 + HEADER
    body = bytearray(_icmp(kind, code, rest))
    body += frame[ETHERNET : packet.end][: MOST_QUOTED[family] - headers]
    macs, proto = (frame[6:12], frame[0:6]), ICMP if family == 4 else ICMP6
    start = ip_header(macs, proto, packet.dst, packet.src, len(body), TOS if family == 4 else 0)
    pseudo = packet.dst + packet.src
    if family == 6:
        pseudo += len(body).to_bytes(4, "big") + ICMP6.to_bytes(4, "big")
    value = checksum((pseudo if family == 6 else b"") + bytes(body))
    both = (value,) if value % 0xFFFF else (0, 0xFFFF)
    return [start + bytes(body[:2]) + two(one) + bytes(body[4:]) for one in both]
