# SPDX-License-Identifier: BSD-3-Clause
"""What an ICMP error says, and how what it quotes has changed on the way."""

from collections.abc import Callable

from oracle.checksum import checksum
from oracle.extensions import FRAGMENT, walk
from oracle.packet import TCP, UDP, number

# Type, code, and the four bytes behind the checksum.
SAYS = {
    4: [
        *[(3, code, 0) for code in range(17)],
        *[(3, 4, mtu) for mtu in (0, 68, 576, 1006, 1260, 1280, 1400, 1480)],
        *[(11, 0, 0), (11, 1, 0), (11, 2, 0), (11, 0, 0x00200000), (3, 3, 0x00200000)],
        *[(12, code, at << 24) for at in (*range(22), 60) for code in (0, 0, 1, 2)],
        *[(4, 0, 0), (5, 1, 0x01020304), (12, 3, 0)],
    ],
    6: [
        *[(1, code, 0) for code in range(8)],
        *[(2, 0, mtu) for mtu in (0, 68, 576, 1280, 1300, 1400, 1492, 1500, 70000)],
        *[(3, 0, 0), (3, 1, 0), (3, 2, 0), (3, 0, 0x10000000), (1, 4, 0x10000000)],
        *[(4, 0, at) for at in (*range(10), 23, 24, 39, 40, 256, 0x01000000)],
        *[(4, 1, 6), (4, 1, 40), (4, 2, 40), (4, 3, 0), (5, 0, 0), (100, 0, 0)],
    ],
}
SIZES = [7, 8, 8, 8, 12, 17, 18, 20, 64, 548, 1232, 4096, 4096]  # behind the quoted IP header


def says(family: int, which: int) -> tuple[bytes, bytes]:
    """Type and code, and what follows the checksum."""
    kind, code, rest = SAYS[family][which % len(SAYS[family])]
    return bytes((kind, code)), rest.to_bytes(4, "big")


def quote(packet: bytes, size: int, twist: int) -> bytes:
    """The beginning of an IP packet, so many bytes behind its header, after this has happened."""
    twists = TWISTS[packet[0] >> 4]
    changed = bytearray(packet)
    twists[twist % len(twists)](changed)
    grown = len(changed) - len(packet)
    return bytes(changed[: _l4(bytearray(packet)) + grown + size])


def _l4(packet: bytearray) -> int:
    return (
        (packet[0] & 15) * 4
        if packet[0] >> 4 == 4
        else 40 + walk(packet[6], bytes(packet[40:])).size
    )


def _proto(packet: bytearray) -> int:
    return packet[9] if packet[0] >> 4 == 4 else walk(packet[6], bytes(packet[40:])).proto


def _right(packet: bytearray) -> None:
    """Make the IPv4 header checksum right."""
    size = (packet[0] & 15) * 4
    packet[10:12] = checksum(bytes(packet[:10] + packet[12:size])).to_bytes(2, "big")


def _set(at: int, value: int) -> Callable[[bytearray], None]:
    """Another byte, in a header that is right."""

    def twist(packet: bytearray) -> None:
        packet[at] = value
        if packet[0] >> 4 == 4 and packet[0] & 15 >= 5:
            _right(packet)

    return twist


def _flip(at: int) -> Callable[[bytearray], None]:
    def twist(packet: bytearray) -> None:
        packet[at] ^= 0x5A

    return twist


def _checksum(value: int | None) -> Callable[[bytearray], None]:
    """Another checksum of TCP or UDP, None for a wrong one."""

    def twist(packet: bytearray) -> None:
        at = _l4(packet) + {TCP: 16, UDP: 6}[_proto(packet)]
        wrong = number(bytes(packet), at) ^ 0x5A5A
        packet[at : at + 2] = (wrong if value is None else value).to_bytes(2, "big")

    return twist


def _options(packet: bytearray) -> None:
    if packet[0] == 0x45:
        packet[0] = 0x47
        packet[2:4] = (number(bytes(packet), 2) + 8).to_bytes(2, "big")
        packet[20:20] = b"\x94\x04\0\0\x01\x01\x01\0"
        _right(packet)


def _extension(kind: int, rest: bytes) -> Callable[[bytearray], None]:
    def twist(packet: bytearray) -> None:
        packet[40:40] = packet[6:7] + rest
        packet[6] = kind
        packet[4:6] = (number(bytes(packet), 4) + 8).to_bytes(2, "big")

    return twist


def _nothing(packet: bytearray) -> None:
    pass


TWISTS: dict[int, list[Callable[[bytearray], None]]] = {
    4: [
        *[_nothing] * 4,
        *[_set(8, 1)] * 4,  # TTL
        *[_set(8, 0), _set(1, 0x2E), _set(6, 0x20), _set(6, 0x40), _set(7, 1), _set(6, 0x10)],
        *[_flip(10), _checksum(None), _checksum(0), _checksum(0xFFFF), _options],
        *[_flip(0), _set(0, 0x44), _set(0, 0x46), _flip(9), _flip(14), _flip(18), _flip(22)],
    ],
    6: [
        *[_nothing] * 4,
        *[_set(7, 1)] * 4,  # hop limit
        *[_set(7, 0), _set(1, 0xE5), _checksum(None), _checksum(0), _checksum(0xFFFF)],
        *[_extension(60, b"\0" + bytes(6)), _extension(FRAGMENT, bytes(7))],
        *[_extension(FRAGMENT, b"\0\0\x01\0\0\0\x07"), _extension(FRAGMENT, b"\0\0\x08\0\0\0\x07")],
        *[_flip(0), _flip(6), _flip(20), _flip(36), _flip(42)],
    ],
}
