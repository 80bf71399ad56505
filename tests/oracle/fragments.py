# SPDX-License-Identifier: BSD-3-Clause
"""Fragments as frames: translated one by one, answered, and made of packets that are too long.

IPv4: RFC 791, 3.2; IPv6: RFC 8200, 4.5; between the two RFC 7915, 4.1 and 5.1.1.
"""

from oracle.checksum import adjusted, carried, checksum, ones_sum
from oracle.datagrams import option_pieces
from oracle.extensions import FRAGMENT
from oracle.packet import (
    CHECKSUM_AT,
    ETHERNET,
    IPV4,
    IPV6,
    UDP,
    Endpoint,
    Malformed,
    Packet,
    number,
)
from oracle.translate import (
    ADDRESSES_AT,
    ECHO,
    ECHO_TTL,
    IP_CHECKSUM_AT,
    TTL_AT,
    Macs,
    source_routed,
)

MORE, WHOLE = 0x2000, 0x4000
FRAGMENT_HEADER = 8


def refused(packet: Packet) -> str:
    """Why a fragment is not even looked at."""
    start, end = packet.offset, packet.offset + packet.end - packet.l4
    if start == 0 and packet.headers_end == packet.l4:
        return "L4_SHORT"
    if start == end or (packet.more and (end - start) % 8) or end > 0xFFFF:
        return "BAD_LENGTH"
    return ""


def ident_of(frame: bytes) -> tuple[int, int]:
    """The identification in a frame without tag, and which of its 32 bits there are."""
    if number(frame, 12) == IPV4:
        return number(frame, ETHERNET + 4), 0xFFFF
    at, kind = ETHERNET + 40, frame[ETHERNET + 6]
    while kind != FRAGMENT:
        size = 8 * (frame[at + 1] + 1) if kind != 51 else 4 * (frame[at + 1] + 2)
        kind, at = frame[at], at + size
    return int.from_bytes(frame[at + 4 : at + 8], "big"), 0xFFFFFFFF


def renamed(packet: Packet, ident: int) -> bytes:
    """The fragment with another identification."""
    frame = bytearray(packet.frame)
    if packet.family == 6:
        frame[packet.fragment_at + 4 : packet.fragment_at + 8] = ident.to_bytes(4, "big")
        return bytes(frame)
    before, was = packet.ip_checksum()[1], packet.ip_checksum()[0]
    frame[ETHERNET + 4 : ETHERNET + 6] = (ident & 0xFFFF).to_bytes(2, "big")
    header = bytes(frame[ETHERNET : packet.l4])
    value = carried(was, before, checksum(header[:10] + header[12:]))[0]
    frame[IP_CHECKSUM_AT : IP_CHECKSUM_AT + 2] = value.to_bytes(2, "big")
    return bytes(frame)


def translated_length(packet: Packet, family: int) -> int:
    """How long a fragment is as one of this family."""
    if packet.family == family:
        return packet.length
    return (20 if family == 4 else 40 + FRAGMENT_HEADER) + packet.end - packet.l4


def nat(packet: Packet, macs: Macs, src: Endpoint, dst: Endpoint, header: bytes) -> list[bytes]:
    """A fragment between other endpoints, one hop on; the first with this header but for ports."""
    family = 4 if len(dst[0]) == 4 else 6
    if family == packet.family:
        start = bytearray(packet.frame[: packet.l4])
        start[0:12] = macs[0] + macs[1]
        start[TTL_AT[family]] -= 1
        at = ADDRESSES_AT[family]
        start[at : at + 2 * len(src[0])] = src[0] + dst[0]
        starts = _ip_checksums(packet, start)
    else:
        starts = [macs[0] + macs[1] + _other_family(packet, src, dst)]
    body = packet.frame[packet.l4 :]
    bodies = [body] if packet.offset else _first(packet, body, src, dst, header)
    return [start + one for start in starts for one in bodies]


def _ip_checksums(packet: Packet, start: bytearray) -> list[bytes]:
    if packet.family == 6:
        return [bytes(start)]
    header = bytes(start[ETHERNET:])
    right = checksum(header[:10] + header[12:])
    at, made = IP_CHECKSUM_AT, []
    for value in carried(*packet.ip_checksum(), right):
        start[at : at + 2] = value.to_bytes(2, "big")
        made.append(bytes(start))
    return made


def _first(packet: Packet, body: bytes, src: Endpoint, dst: Endpoint, header: bytes) -> list[bytes]:
    """The first fragment's body; its checksum is adjusted, as nobody can make it anew."""
    at = CHECKSUM_AT[packet.proto]
    ports = src[1].to_bytes(2, "big") + dst[1].to_bytes(2, "big")
    was = number(body, at)
    if packet.proto == UDP and was == 0:
        return [ports + body[4:]]
    before = packet.src + packet.dst + body[: len(header)]
    values = adjusted(was, before, src[0] + dst[0] + ports + header[4:], packet.proto == UDP)
    rest = header[4:] + body[len(header) :]
    return [ports + rest[: at - 4] + one.to_bytes(2, "big") + rest[at - 2 :] for one in values]


def _other_family(packet: Packet, src: Endpoint, dst: Endpoint) -> bytes:
    size = packet.end - packet.l4
    if packet.family == 6:
        bits = packet.offset >> 3 | (MORE if packet.more else 0)
        head = bytes((0x45, packet.tos)) + (20 + size).to_bytes(2, "big")
        head += (packet.ident & 0xFFFF).to_bytes(2, "big") + bits.to_bytes(2, "big")
        head += bytes((packet.ttl - 1, packet.proto))
        value = checksum(head + src[0] + dst[0])
        return IPV4.to_bytes(2, "big") + head + value.to_bytes(2, "big") + src[0] + dst[0]
    header = packet.frame[ETHERNET : packet.l4]
    if ones_sum(header) != 0 or source_routed(header[20:]):
        raise Malformed("UNTRANSLATABLE")
    head = (6 << 28 | packet.tos << 20).to_bytes(4, "big")
    head += (FRAGMENT_HEADER + size).to_bytes(2, "big") + bytes((FRAGMENT, packet.ttl - 1))
    bits = packet.offset | packet.more
    fragment = _fragment_header(packet.proto, bits, packet.ident)
    return IPV6.to_bytes(2, "big") + head + src[0] + dst[0] + fragment


def _fragment_header(proto: int, bits: int, ident: int) -> bytes:
    return bytes((proto, 0)) + bits.to_bytes(2, "big") + ident.to_bytes(4, "big")


def echo_reply(packet: Packet) -> list[bytes]:
    """The fragment of the answer for one of an echo request."""
    start = bytearray(packet.frame[: packet.l4])
    start[0:12] = packet.frame[6:12] + packet.frame[0:6]
    start[TTL_AT[packet.family]] = ECHO_TTL
    at = ADDRESSES_AT[packet.family]
    start[at : at + 2 * len(packet.src)] = packet.dst + packet.src
    body = packet.frame[packet.l4 :]
    bodies = [body]
    if packet.offset == 0:
        reply = bytes((ECHO[packet.family, body[:2]], 0))
        values = adjusted(number(body, 2), body[:2], reply, False)
        bodies = [reply + value.to_bytes(2, "big") + body[4:] for value in values]
    return [one + rest for one in _ip_checksums(packet, start) for rest in bodies]


def cut(frame: bytes, mtu: int, ident: int) -> list[list[bytes]]:
    """A frame that is too long in pieces; of each what it may be, as a checksum may be wrong."""
    return _cut_v4(frame, mtu, ident) if number(frame, 12) == IPV4 else _cut_v6(frame, mtu, ident)


def _cut_v4(frame: bytes, mtu: int, ident: int) -> list[list[bytes]]:
    l4 = ETHERNET + (frame[ETHERNET] & 15) * 4
    data = frame[l4 : ETHERNET + number(frame, ETHERNET + 2)]
    bits, header = number(frame, ETHERNET + 6), frame[ETHERNET:l4]
    wrong = number(header, 10), checksum(header[:10] + header[12:])
    options, pieces, at = header[20:], [], 0
    while at < len(data):
        room = mtu - 20 - len(options)
        size = len(data) - at if len(data) - at <= room else room & ~7
        more = MORE if at + size < len(data) else bits & MORE
        head = bytes((0x45 + len(options) // 4, header[1]))
        head += (20 + len(options) + size).to_bytes(2, "big") + (ident & 0xFFFF).to_bytes(2, "big")
        place = (bits & ~(MORE | 0x1FFF)) | more | ((bits & 0x1FFF) + at // 8)
        head += place.to_bytes(2, "big") + header[8:10]
        rest = header[12:20] + options
        right = checksum(head + rest)
        values = {right, *carried(*wrong, right)}
        body = rest + data[at : at + size]
        pieces.append([frame[:ETHERNET] + head + one.to_bytes(2, "big") + body for one in values])
        at += size
        options = b"".join(one for one in option_pieces(options) if one[0] & 0x80)
        options += bytes(-len(options) % 4)
    return pieces


def _cut_v6(frame: bytes, mtu: int, ident: int) -> list[list[bytes]]:
    """Of a packet that was IPv4 before: no extension headers but that of a fragment, perhaps."""
    head, proto, at = frame[ETHERNET : ETHERNET + 40], frame[ETHERNET + 6], ETHERNET + 40
    bits = 0
    if proto == FRAGMENT:
        proto, bits, at = frame[at], number(frame, at + 2), at + FRAGMENT_HEADER
    data = frame[at : ETHERNET + 40 + number(frame, ETHERNET + 4)]
    room, pieces, at = (mtu - 40 - FRAGMENT_HEADER), [], 0
    while at < len(data):
        size = len(data) - at if len(data) - at <= room else room & ~7
        more = 1 if at + size < len(data) else bits & 1
        fragment = _fragment_header(proto, (bits & 0xFFF8) + at | more, ident)
        start = head[:4] + (FRAGMENT_HEADER + size).to_bytes(2, "big") + bytes((FRAGMENT, head[7]))
        piece = frame[:ETHERNET] + start + head[8:] + fragment + data[at : at + size]
        pieces.append([piece])
        at += size
    return pieces
