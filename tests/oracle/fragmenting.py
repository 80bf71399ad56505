# SPDX-License-Identifier: BSD-3-Clause
"""A packet in fragments, as a network delivers them: in order or not, all of them or too many."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from oracle.checksum import checksum
from oracle.extensions import AUTHENTICATION, FRAGMENT
from oracle.packet import ETHERNET, Packet

MORE = 0x2000
SIZES = [8, 24, 64, 256, 256, 512, 512, 1024, 1480]
OCTETS = [9, 40, 100, 600, 1200, 1400, 1850]


@dataclass(frozen=True)
class Piece:
    """Bytes from start to end; `late`: it comes with the next burst."""

    start: int
    end: int
    last: bool = False
    late: bool = False


Order = Callable[[list[Piece], random.Random], list[Piece]]


def fragmented(packet: Packet, size: int, how: int, ident: int) -> list[tuple[bytes, bool]]:
    """Frames, and whether they are late."""
    end = packet.end - packet.l4
    pieces = [Piece(at, min(at + size, end), at + size >= end) for at in range(0, end, size)]
    chance = random.Random(how)
    for piece in (made := ORDERS[how % len(ORDERS)](pieces[:64], chance)):
        assert piece.start <= piece.end
    frame = _v4 if packet.family == 4 else _v6
    return [(frame(packet, piece, ident), piece.late) for piece in made]


def _v4(packet: Packet, piece: Piece, ident: int) -> bytes:
    was, right = packet.ip_checksum()
    head = bytearray(packet.frame[: packet.l4])
    data = packet.frame[packet.l4 + piece.start : packet.l4 + piece.end]
    data = data.ljust(piece.end - piece.start, b"\x5a")
    bits = int.from_bytes(head[20:22], "big") & 0xC000 | piece.start // 8
    bits |= 0 if piece.last else MORE
    head[16:18] = (packet.l4 - ETHERNET + len(data)).to_bytes(2, "big")
    head[18:20] = (ident & 0xFFFF).to_bytes(2, "big")
    head[20:22] = bits.to_bytes(2, "big")
    now = checksum(bytes(head[14:24] + head[26:]))
    head[24:26] = (now if was == right else now ^ 0x5555).to_bytes(2, "big")
    return bytes(head) + data


def _v6(packet: Packet, piece: Piece, ident: int) -> bytes:
    head = bytearray(packet.frame[: packet.l4])
    data = packet.frame[packet.l4 + piece.start : packet.l4 + piece.end]
    data = data.ljust(piece.end - piece.start, b"\x5a")
    names, at = ETHERNET + 6, ETHERNET + 40  # where the next header is named, and it
    while at < packet.l4:
        size = (head[at + 1] + 2) * 4 if head[names] == AUTHENTICATION else (head[at + 1] + 1) * 8
        names, at = at, at + (8 if head[names] == FRAGMENT else size)
    head[names] = FRAGMENT
    bits = piece.start | (0 if piece.last else 1)
    chain = bytes((packet.proto, 0)) + bits.to_bytes(2, "big") + ident.to_bytes(4, "big")
    head[18:20] = (packet.l4 - ETHERNET - 40 + 8 + len(data)).to_bytes(2, "big")
    return bytes(head) + chain + data


def _in_order(pieces: list[Piece], chance: random.Random) -> list[Piece]:
    return pieces


def _reversed(pieces: list[Piece], chance: random.Random) -> list[Piece]:
    return pieces[::-1]


def _shuffled(pieces: list[Piece], chance: random.Random) -> list[Piece]:
    return chance.sample(pieces, len(pieces))


def _some_late(pieces: list[Piece], chance: random.Random) -> list[Piece]:
    return [replace(one, late=chance.random() < 0.4) for one in _shuffled(pieces, chance)]


def _one_lost(pieces: list[Piece], chance: random.Random) -> list[Piece]:
    shuffled = _some_late(pieces, chance)
    return shuffled[1:] or shuffled


def _one_twice(pieces: list[Piece], chance: random.Random) -> list[Piece]:
    return _shuffled([*pieces, chance.choice(pieces)], chance)


def _overlapping(pieces: list[Piece], chance: random.Random) -> list[Piece]:
    at = chance.randrange(len(pieces))
    one = pieces[at]
    start, end = max(0, one.start - 8), one.end + (0 if one.last else chance.choice([0, 8]))
    also = [] if chance.random() < 0.5 else [one]
    changed = [*pieces[:at], *also, replace(one, start=start, end=end), *pieces[at + 1 :]]
    return _shuffled(changed, chance) if chance.random() < 0.5 else changed


def _contained(pieces: list[Piece], chance: random.Random) -> list[Piece]:
    one = chance.choice(pieces)
    smaller = Piece(one.start, one.start + 8 if one.end - one.start > 8 else one.end, one.last)
    return [*pieces, smaller] if chance.random() < 0.5 else _shuffled([*pieces, smaller], chance)


def _another_end(pieces: list[Piece], chance: random.Random) -> list[Piece]:
    end = pieces[-1].end
    at = chance.choice([end & ~7, (end & ~7) + 8, end // 2 & ~7])
    other = Piece(at, at + chance.choice([1, 8, 16]), chance.random() < 0.7)
    return _shuffled([*pieces, other], chance)


def _with_holes(pieces: list[Piece], chance: random.Random) -> list[Piece]:
    order = _shuffled if chance.random() < 0.5 else _in_order
    return [*order(pieces[::2], chance), *order(pieces[1::2], chance)]


def _odd(pieces: list[Piece], chance: random.Random) -> list[Piece]:
    at = chance.randrange(len(pieces))
    one = pieces[at]
    odd = replace(one, end=one.start + chance.randrange(one.end - one.start + 1))
    return [*pieces[:at], odd, *pieces[at + 1 :]]


def _far_away(pieces: list[Piece], chance: random.Random) -> list[Piece]:
    start = chance.choice([0xFFF8, 0xFFF0, 0xF000])
    far = Piece(start, start + chance.choice([7, 8, 16]), chance.random() < 0.5)
    return [*pieces[:1], far, *pieces[1:]]


ORDERS: list[Order] = [
    *[_in_order] * 4,
    *[_shuffled] * 4,
    *[_some_late] * 4,
    *[_reversed, _one_lost, _one_lost, _one_twice, _overlapping, _overlapping],
    *[_contained, _another_end, _another_end, _with_holes, _with_holes, _odd, _far_away],
]
