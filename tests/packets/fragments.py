# SPDX-License-Identifier: BSD-3-Clause
"""Fragments of a frame, cut from the headers' definitions (RFC 791, 3.2; RFC 8200, 4.5)."""

from collections.abc import Sequence

from packets.frames import ip_checksum
from packets.nat import (
    AUTHENTICATION,
    EXTENSIONS,
    FRAGMENT,
    IP_AT,
    IPV6_HEADER,
    ip_length,
    is_v6,
    proto_and_l4,
)

Place = tuple[int, int]

OPTIONS_AT = 20
FRAGMENT_HEADER = 8
MORE, RESERVED = 0x2000, 0x8000
END, NOP, COPIED = 0, 1, 0x80


def every(length: int, step: int) -> list[Place]:
    """The places of fragments of `step` bytes, the last one shorter."""
    return [(at, min(at + step, length)) for at in range(0, length, step)]


def data_of(frame: bytes) -> bytes:
    """What an IP packet carries, behind a fragment header too."""
    return frame[proto_and_l4(frame)[1] : IP_AT + ip_length(frame)]


def cut(
    frame: bytes, places: Sequence[Place], ident: int, *, end: int = 0, after: int = 0
) -> list[bytes]:
    """Fragments of a whole frame; what ends at `end`, or at its length, is the last one.

    `after`: the frame's data is itself behind so many bytes of a datagram.
    """
    data = data_of(frame)
    end = end or len(data)
    fragment = _fragment6 if is_v6(frame) else _fragment4
    return [
        fragment(frame, data[a:b], after + a, more=b != end, ident=ident, first=a == 0)
        for a, b in places
    ]


def split_for(frame: bytes, mtu: int, ident: int) -> list[bytes]:
    """The fragments that a router makes of a whole frame for an MTU."""
    length = len(data_of(frame))
    if is_v6(frame):
        return cut(frame, every(length, (mtu - IPV6_HEADER - FRAGMENT_HEADER) // 8 * 8), ident)
    header = proto_and_l4(frame)[1] - IP_AT
    first = (mtu - header) // 8 * 8
    room = (mtu - OPTIONS_AT - len(_copied(frame))) // 8 * 8
    rest = [(first + a, first + b) for a, b in every(length - first, room)]
    return cut(frame, [(0, first), *rest], ident)


def ident_of(fragment: bytes) -> int:
    """A fragment's identification."""
    if not is_v6(fragment):
        return int.from_bytes(fragment[IP_AT + 4 : IP_AT + 6], "big")
    at = proto_and_l4(fragment)[1]
    return int.from_bytes(fragment[at - 4 : at], "big")


def place_of(fragment: bytes) -> int:
    """Where in its datagram a fragment begins."""
    if not is_v6(fragment):
        return (int.from_bytes(fragment[IP_AT + 6 : IP_AT + 8], "big") & 0x1FFF) * 8
    at = proto_and_l4(fragment)[1]
    return int.from_bytes(fragment[at - 6 : at - 4], "big") & 0xFFF8


def joined(fragments: Sequence[bytes]) -> bytes:
    """The whole frame, with the header of the first fragment and no fragment header."""
    in_order = sorted(fragments, key=place_of)
    first, data = in_order[0], b""
    for fragment in in_order:
        assert place_of(fragment) == len(data), "a gap or an overlap"
        data += data_of(fragment)
    at = proto_and_l4(first)[1]
    if not is_v6(first):
        length = (at - IP_AT + len(data)).to_bytes(2, "big")
        return first[: IP_AT + 2] + length + first[IP_AT + 4 : at] + data
    header = bytearray(first[: at - FRAGMENT_HEADER])
    header[_names_last(header)] = first[at - FRAGMENT_HEADER]
    header[IP_AT + 4 : IP_AT + 6] = (len(header) - IP_AT - IPV6_HEADER + len(data)).to_bytes(
        2, "big"
    )
    return bytes(header) + data


def _fragment4(frame: bytes, part: bytes, at: int, *, more: bool, ident: int, first: bool) -> bytes:
    options = frame[IP_AT + OPTIONS_AT : proto_and_l4(frame)[1]] if first else _copied(frame)
    header = bytearray(frame[IP_AT : IP_AT + OPTIONS_AT] + options)
    header[0] = 0x40 | len(header) // 4
    header[2:4] = (len(header) + len(part)).to_bytes(2, "big")
    header[4:6] = ident.to_bytes(2, "big")
    bits = int.from_bytes(header[6:8], "big") & RESERVED | (MORE if more else 0) | at // 8
    header[6:8] = bits.to_bytes(2, "big")
    header[10:12] = ip_checksum(bytes(header)).to_bytes(2, "big")
    return frame[:IP_AT] + bytes(header) + part


def _copied(frame: bytes) -> bytes:
    options, kept = frame[IP_AT + OPTIONS_AT : proto_and_l4(frame)[1]], b""
    while options and options[0] != END:
        length = 1 if options[0] == NOP else options[1]
        kept += options[:length] if options[0] & COPIED else b""
        options = options[length:]
    return kept + bytes(-len(kept) % 4)


def _fragment6(frame: bytes, part: bytes, at: int, *, more: bool, ident: int, first: bool) -> bytes:
    proto, l4 = proto_and_l4(frame)
    header = bytearray(frame[:l4])
    header[_names_last(header)] = FRAGMENT
    header += bytes([proto, 0]) + (at | more).to_bytes(2, "big") + ident.to_bytes(4, "big")
    header[IP_AT + 4 : IP_AT + 6] = (len(header) - IP_AT - IPV6_HEADER + len(part)).to_bytes(
        2, "big"
    )
    return bytes(header) + part


def _names_last(header: bytearray) -> int:
    """The place of the byte that names what follows all these headers."""
    name, at = IP_AT + 6, IP_AT + IPV6_HEADER
    while header[name] in EXTENSIONS and at < len(header):
        authentic = header[name] == AUTHENTICATION
        name, at = at, at + ((header[at + 1] + 2) * 4 if authentic else (header[at + 1] + 1) * 8)
    return name
