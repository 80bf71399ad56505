# SPDX-License-Identifier: BSD-3-Clause
"""Full NAT written down once more, from the headers' definitions and with checksums from scratch.

A checksum that was wrong must stay wrong by as much, so what is compared is the distance between
the checksum and the right one, before and after, in one's complement.
"""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address

from scapy.layers.inet import IP, in4_chksum
from scapy.utils import checksum

Right = Callable[[bytes], int]

IP_AT = 14
TCP_CSUM, UDP_CSUM = 16, 6
PROTO_TCP = 6


@dataclass(frozen=True)
class Wire:
    """Where a frame leaves: MACs and both endpoints as (address, port)."""

    src_mac: str
    dst_mac: str
    src: tuple[str, int]
    dst: tuple[str, int]


def l4_at(frame: bytes) -> int:
    """Offset of the TCP or UDP header."""
    return IP_AT + (frame[IP_AT] & 15) * 4


def endpoints(frame: bytes) -> tuple[tuple[str, int], tuple[str, int]]:
    """Source and destination of a TCP or UDP frame."""
    at = l4_at(frame)
    ports = (int.from_bytes(frame[at + i : at + i + 2], "big") for i in (0, 2))
    addresses = (str(IPv4Address(frame[IP_AT + i : IP_AT + i + 4])) for i in (12, 16))
    source, destination = zip(addresses, ports, strict=True)
    return source, destination


def translated(before: bytes, after: bytes, wire: Wire) -> bytes:
    """What `before` must have become; `after` only decides between two spellings of zero."""
    l4 = l4_at(before)
    frame = bytearray(before)
    frame[0:12] = _mac(wire.dst_mac) + _mac(wire.src_mac)
    frame[IP_AT + 8] -= 1
    frame[IP_AT + 12 : IP_AT + 20] = (
        IPv4Address(wire.src[0]).packed + IPv4Address(wire.dst[0]).packed
    )
    frame[l4 : l4 + 4] = wire.src[1].to_bytes(2, "big") + wire.dst[1].to_bytes(2, "big")
    proto = before[IP_AT + 9]
    place = l4 + (TCP_CSUM if proto == PROTO_TCP else UDP_CSUM)
    if proto == PROTO_TCP or before[place : place + 2] != b"\0\0":
        _carry(frame, before, after, place, _l4_right)
    _carry(frame, before, after, IP_AT + 10, _ip_right)
    return bytes(frame)


def right_checksums(frame: bytes) -> bool:
    """Whether both checksums are what they would be if made from scratch; no UDP one counts too."""
    l4, proto = l4_at(frame), frame[IP_AT + 9]
    place = l4 + (TCP_CSUM if proto == PROTO_TCP else UDP_CSUM)
    bare_udp = proto != PROTO_TCP and _at(frame, place) == 0
    return _at(frame, IP_AT + 10) == _ip_right(frame) and (
        bare_udp or _at(frame, place) == _l4_right(frame)
    )


def _carry(frame: bytearray, before: bytes, after: bytes, place: int, right: Right) -> None:
    """Put in the checksum that is as wrong as the one before."""
    error = (_at(before, place) - right(before)) % 0xFFFF
    value = right(bytes(frame))
    if error != 0:
        value = (value + error) % 0xFFFF
        if value == 0 and _at(after, place) == 0xFFFF:
            value = 0xFFFF
    frame[place : place + 2] = value.to_bytes(2, "big")


def _ip_right(frame: bytes) -> int:
    header = frame[IP_AT : l4_at(frame)]
    return int(checksum(header[:10] + b"\0\0" + header[12:]))


def _l4_right(frame: bytes) -> int:
    l4, proto = l4_at(frame), frame[IP_AT + 9]
    end = IP_AT + _at(frame, IP_AT + 2)
    place = TCP_CSUM if proto == PROTO_TCP else UDP_CSUM
    payload = frame[l4:end]
    payload = payload[:place] + b"\0\0" + payload[place + 2 :]
    value = int(in4_chksum(proto, IP(frame[IP_AT:l4]), payload))
    return 0xFFFF if value == 0 and proto != PROTO_TCP else value


def _at(frame: bytes, place: int) -> int:
    return int.from_bytes(frame[place : place + 2], "big")


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))
