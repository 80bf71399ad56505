# SPDX-License-Identifier: BSD-3-Clause
"""Which numbers of a TCP header are shifted, and by how much (docs/decisions/0011).

What the client counts, the RS sees shifted: sequence numbers and time stamps. Options are those of
RFC 9293, 3.1, RFC 2018 (SACK) and RFC 7323 (time stamps).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from oracle.packet import ACK
from oracle.tcp_state import Way

SEQ_AT, ACK_AT, FLAGS_AT, OPTIONS_AT = 4, 8, 13, 20
END, NOP, SACK, TIME_STAMPS = 0, 1, 5, 8
MODULO = 1 << 32
Place = tuple[int, str, int]  # offset, whether of `seq` or `ts`, and how many times that is added


@dataclass
class Shift:
    """What is added to a client's numbers; None: not seen yet."""

    seq: int | None = 0
    ts: int | None = 0

    def apply(self, header: bytes, way: Way, sent: bytes | None) -> bytes:
        """The header as the other end gets it; what is not known is learnt from what was sent."""
        return self._moved(header, places(header, way), sent)

    def undo(self, header: bytes, way: Way, sent: bytes | None) -> bytes:
        """The header as it was sent that the other end has got."""
        back = [(at, name, -sign) for at, name, sign in places(header, way)]
        return self._moved(header, back, sent)

    def _moved(self, header: bytes, where: Iterable[Place], sent: bytes | None) -> bytes:
        after = bytearray(header)
        for at, name, sign in where:
            before = word(header, at)
            if getattr(self, name) is None and sent is not None:
                setattr(self, name, (word(sent, at) - before) * sign % MODULO)
            added = getattr(self, name) or 0
            after[at : at + 4] = ((before + sign * added) % MODULO).to_bytes(4, "big")
        return bytes(after)


def word(data: bytes, at: int) -> int:
    """A 32-bit number, of zeros where there is none."""
    return int.from_bytes(data[at : at + 4].ljust(4, b"\0"), "big")


def places(header: bytes, way: Way) -> Iterator[Place]:
    """The numbers that a packet bears which goes this way."""
    acks = len(header) > FLAGS_AT and bool(header[FLAGS_AT] & ACK)
    if way is Way.IN:
        yield SEQ_AT, "seq", 1
    elif acks:
        yield ACK_AT, "seq", -1
    for at, kind, size in options(header):
        if kind == TIME_STAMPS and size == 10 and way is Way.IN:
            yield at + 2, "ts", 1
        elif kind == TIME_STAMPS and size == 10 and acks:
            yield at + 6, "ts", -1
        elif kind == SACK and size % 8 == 2 and way is Way.OUT:
            yield from ((edge, "seq", -1) for edge in range(at + 2, at + size - 3, 4))


def options(header: bytes) -> Iterator[tuple[int, int, int]]:
    """Offset, kind and length of each option, until one cannot be read."""
    at = OPTIONS_AT
    while at < len(header) and header[at] != END:
        if header[at] == NOP:
            at += 1
            continue
        size = header[at + 1] if at + 1 < len(header) else 0
        if size < 2 or at + size > len(header):
            return
        yield at, header[at], size
        at += size


def has_time_stamps(header: bytes) -> bool:
    """Whether there are some to shift."""
    return any(name == "ts" for _, name, _ in places(header, Way.IN))
