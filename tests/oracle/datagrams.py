# SPDX-License-Identifier: BSD-3-Clause
"""What the home of fragmented datagrams knows of them: what has come, what waits, and for how long.

Of RFC 5722 (overlaps) and docs/decisions/0010.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from oracle.packet import ETHERNET, Address, Packet

LIFETIME = 32  # ticks
RANGES = 16
MOST_HELD = 1 << 20  # bytes
OVERLAP, LIMIT, TIMEOUT = "FRAGMENT_OVERLAP", "FRAGMENT_LIMIT", "FRAGMENT_TIMEOUT"

Name = tuple[int, Address, Address, int]  # protocol, source, destination, identification


@dataclass(frozen=True)
class Waiting:
    """A fragment that waits for the first of its datagram, in so many buffers."""

    frame: bytes
    port: int
    buffers: int


@dataclass(eq=False)
class Datagram:
    """A datagram under way. `ports` are known once its first fragment has come."""

    name: Name
    began: int
    ranges: list[tuple[int, int]] = field(default_factory=list)
    end: int | None = None
    condemned: str = ""
    ports: tuple[int, int] | None = None
    refused: str = ""  # why nothing of it goes on
    unchecked: bool = False  # UDP without a checksum
    session: object = None  # that its first fragment has made
    ident: int | None = None  # the new one
    bits: int = 0  # which of its bits are known
    waiting: list[Waiting] = field(default_factory=list)

    def wrong(self, start: int, end: int, last: bool) -> str:
        """Why a fragment that covers this is dropped, or nothing, and then it has come."""
        if self.condemned:
            return self.condemned
        if any(low <= start and end <= high for low, high in self.ranges):
            return OVERLAP
        reach = max((high for _, high in self.ranges), default=0)
        contradicts = (
            end > self.end or (last and end != self.end)
            if self.end is not None
            else last and end < reach
        )
        if contradicts or any(low < end and start < high for low, high in self.ranges):
            self.condemned = OVERLAP
            return OVERLAP
        ranges = _merged([*self.ranges, (start, end)])
        if len(ranges) > RANGES:
            self.condemned = LIMIT
            return LIMIT
        self.ranges = ranges
        if last:
            self.end = end
        return ""

    def whole(self) -> bool:
        """Whether all of it has come."""
        return not self.condemned and self.end is not None and self.ranges == [(0, self.end)]

    def learn(self, ident: int, bits: int) -> bool:
        """Some bits of the new identification were seen; tells whether they are the first."""
        unknown = self.ident is None
        if self.ident is None or (bits > self.bits and ident & self.bits == self.ident):
            self.ident, self.bits = ident, bits
        return unknown


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same with neighbours made one."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and merged[-1][1] == low:
            low = merged.pop()[0]
        merged.append((low, high))
    return merged


class Home:
    """The datagrams that are at home on a worker."""

    def __init__(self, datagrams: int, held: int) -> None:
        self._room, self._most_held = datagrams, held
        self._known: deque[Datagram] = deque()  # the oldest first
        self._under_way: dict[Name, Datagram] = {}  # the newest of each name

    def find(self, name: Name, now: int) -> tuple[Datagram, int]:
        """The datagram of this name, a new one perhaps; how many that wait are lost for it."""
        known = self._under_way.get(name)
        if known is not None and not known.whole():
            return known, 0
        lost = len(self._forget().waiting) if len(self._known) >= self._room else 0
        self._under_way[name] = Datagram(name, now)
        self._known.append(self._under_way[name])
        return self._under_way[name], lost

    def _forget(self) -> Datagram:
        """The oldest."""
        oldest = self._known.popleft()
        if self._under_way[oldest.name] is oldest:
            del self._under_way[oldest.name]
        return oldest

    def has_room(self, waiting: Waiting) -> bool:
        """Whether another fragment may wait."""
        held = [one for each in self._known for one in each.waiting]
        octets = sum(len(one.frame) - ETHERNET for one in held) + len(waiting.frame) - ETHERNET
        return len(held) < self._most_held and octets <= MOST_HELD

    def expire(self, now: int) -> int:
        """Forget what has been under way for too long; how many wait in vain."""
        lost = 0
        while self._known and now - self._known[0].began >= LIFETIME:
            lost += len(self._forget().waiting)
        return lost

    def buffers(self) -> int:
        """In how many buffers the held fragments lie."""
        return sum(one.buffers for each in self._known for one in each.waiting)


def name_of(packet: Packet) -> Name:
    """What the fragments of a datagram have in common."""
    return packet.proto, packet.src, packet.dst, packet.ident


def covers(packet: Packet) -> tuple[int, int]:
    """Which bytes of its datagram a fragment has."""
    return packet.offset, packet.offset + packet.end - packet.l4


def option_pieces(options: bytes) -> Iterator[bytes]:
    """IPv4 options one by one, until one cannot be read."""
    while options and options[0]:
        size = 1 if options[0] == 1 else options[1] if len(options) > 1 else 0
        if size < 1 or size > len(options) or (size < 2 and options[0] != 1):
            return
        yield options[:size]
        options = options[size:]
