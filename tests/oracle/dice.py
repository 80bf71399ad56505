# SPDX-License-Identifier: BSD-3-Clause
"""Packets out of a handful of random bytes each.

Drawing every property of every packet through hypothesis costs far more than running the packet. So
hypothesis draws some bytes for a packet, and their digits decide. Zeros stand for no packet or the
plainest one, since hypothesis shrinks bytes towards zero.
"""

from collections.abc import Sequence
from typing import TypeVar

from oracle import fragmenting, quotes
from oracle.drafts import MILD, QUIRKS
from oracle.events import Acks, ErrorAbout, Fragmented, FromClient, Noise, OfSession, Other, Sent
from oracle.features import FEATURES

BYTES = 24
T = TypeVar("T")

CLIENTS = {
    4: ["203.0.113.9", "203.0.113.10", "20.0.0.1", "10.10.0.1", "1.0.0.1"],
    6: ["2001:db8:c::9", "2001:db8:c::a", "3001:db8:c::9", "2001:db8:10::1", "::1:0:0:0:1"],
}
NO_CLIENTS = {
    4: ["0.0.0.0", "127.0.0.1", "224.0.0.5", "255.255.255.255", "10.96.0.10", "192.0.2.2"],
    6: ["::", "::1", "::ffff:1.2.3.4", "ff02::1", "fe80::9", "febf::9", "2001:db8:96::a"],
}
PORTS = [40000, 40001, 1, 53, 1023, 65535]
SERVICES = [
    *["10.96.0.10:80/tcp", "10.96.0.10:53/udp", "10.96.0.10:80/udp", "10.96.0.11:80/tcp"],
    *["[2001:db8:96::a]:80/tcp", "[2001:db8:96::a]:53/udp", "[2001:db8:96::b]:80/tcp"],
    *["10.96.255.255:1/tcp"],
]
OWN = ["192.0.2.2", "192.0.2.255", "2001:db8:2::2", "fe80::2"]
ELSEWHERE = [
    *["10.96.0.10", "10.96.0.11", "10.1.2.3", "224.0.0.5", "255.255.255.255"],
    *["2001:db8:96::a", "2001:db8:97::1", "ff02::5", "ff02::1:ff00:2", "::ffff:10.96.0.10"],
    *OWN,
]
PROTOCOLS = [1, 1, 1, 6, 17, 89, 47]
SYN, ACK, PUSH_ACK, FIN_ACK, RST, SYN_ACK, SYN_ECN = 0x02, 0x10, 0x18, 0x11, 0x04, 0x12, 0xC2
FLAGS = [SYN] * 4 + [ACK] * 4 + [PUSH_ACK] * 2 + [FIN_ACK] * 2 + [RST, SYN_ACK, SYN_ECN]
SIZES = [*[0] * 5, 1, 2, 3, 8, 9, 64, 65, 512, 512, 1200, 1208, 1232, 1233, 1400, 1460, 1461, 1473]
EDGES = [0, 1, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF]
VALUES: dict[str, Sequence[int]] = {
    "length": [0, 19, 20, 21, 27, 28, 39, 40, 41, 48, 1500, 65535],
    "udp_length": [0, 1, 7, 8, 9, 192, 199, 200, 201, 208],
    "cut": range(80),
    "padding": range(1, 47),
    "behind": range(1, 10),
    "zeros": range(10),
    "ttl": [0, 1, 2, 3, 64, 128, 255],
    "ip_options": range(1, 11),
    "tcp_options": range(1, 11),
    "raw_options": range(10),
    "numbers": range(17 * 4 * 7 * 4 * 7),
    "place": range(15 * 2 * 4 * 56),
    "mss": range(11 * 6 * 3),
    "extensions": range(11**3),
    "vlan": [0, 5, 0x123, 0xE123, 0xF000],
    "fragment": [0x4000, 0x4000, 0x8000, 0x2000, 0x0001, 0x1FFF, 0x20B9],
    "icmp": [0x0000, 0x0800, 0x0801, 0x0304, 0x0B00, 0x8000, 0x8100, 0x8001, 0x8700, 0x8900],
    "proto": [0, 1, 2, 6, 17, 44, 47, 58, 59, 89, 132, 134, 145],
    "ether_type": [0x0800, 0x0806, 0x86DD, 0x8100, 0x88A8, 0x88CC, 38],
    "version": range(16),
    "ihl": range(16),
    "data_offset": range(16),
    "sums_to": range(8),
}
RARE = sorted(QUIRKS)


class Dice:
    """Random digits."""

    def __init__(self, drawn: bytes) -> None:
        self._left = int.from_bytes(drawn, "big")

    def below(self, count: int) -> int:
        """A number less than this."""
        self._left, digit = divmod(self._left, count)
        return digit

    def of(self, choices: Sequence[T]) -> T:
        """One of these."""
        return choices[self.below(len(choices))]

    def word(self) -> int:
        """16 bits, often at the edge."""
        return self.of(EDGES) if self.below(4) == 0 else self.below(0x10000)

    def flags(self) -> int:
        """TCP flags, every fourth time any."""
        return self.below(256) if self.below(4) == 3 else self.of(FLAGS)

    def quirks(self) -> dict[str, int]:
        """Nothing odd most of the time; else something that lets a packet pass, or anything."""
        kind = self.below(10)
        if kind < 6:
            return {}
        names = MILD if kind < 9 else RARE
        return dict(self._quirk(self.of(names)) for _ in range(self.below(3) + 1))

    def numbers(self) -> dict[str, int]:
        """Every other time TCP numbers to look after."""
        if "numbers" not in FEATURES or self.below(2):
            return {}
        return dict([self._quirk("numbers"), *([] if self.below(3) else [self._quirk("mss")])])

    def place(self) -> dict[str, int]:
        """Most of the time numbers that tell the beginning of a connection."""
        if "telling" not in FEATURES or self.below(4) == 0:
            return {}
        return dict([self._quirk("place")])

    def _quirk(self, name: str) -> tuple[str, int]:
        values = VALUES.get(name)
        return name, self.word() if values is None else self.of(values)


def packet(drawn: bytes) -> Sent | None:
    """The packet that these bytes stand for, if any."""
    dice = Dice(drawn)
    kind = dice.below(24)
    if kind == 0:
        return None
    if kind < 16:
        return _of(dice, kind, SIZES)
    if kind == 16:
        return Noise(drawn[dice.below(len(drawn)) :] * (1 + dice.below(4)))
    if kind < 19 and "fragments" in FEATURES:
        size, how, ident = dice.of(fragmenting.SIZES), dice.below(1000), dice.below(100)
        sent = _of(dice, 1 + dice.below(15), fragmenting.OCTETS)
        return Fragmented(sent, size, how, ident * 0x02030405)
    if kind > 20:
        return _acks(dice)
    if "errors" in FEATURES:
        which, says = dice.below(32), dice.below(1000)
        size, twist = dice.of(quotes.SIZES), dice.below(1000)
        return ErrorAbout(which, dice.below(100), says, size, twist, dice.quirks())
    return None


def _acks(dice: Dice) -> Acks | None:
    """An acknowledgement of a SYN-ACK; its size makes it a probe, or another window."""
    if "proxies" not in FEATURES:
        return None
    which, flags = dice.below(8), ACK if dice.below(4) else dice.flags()
    return Acks(which, flags, dice.of(SIZES), dice.quirks())


def _of(dice: Dice, kind: int, sizes: Sequence[int]) -> FromClient | OfSession | Other:
    """A packet of a client, of a session, or any other."""
    if kind < 6:
        service, port = dice.of(SERVICES), dice.of(PORTS)
        clients = NO_CLIENTS if dice.below(9) == 8 else CLIENTS
        client = dice.of(clients[6 if "[" in service else 4])
        quirks = dice.numbers() | dice.quirks()
        return FromClient(client, port, service, dice.flags(), dice.of(sizes), quirks)
    if kind < 15:
        way, who = dice.below(2) == 1, dice.below(40)
        quirks, flags = dice.numbers() | dice.place() | dice.quirks(), dice.flags()
        due = "resets" in FEATURES and dice.below(2)
        return OfSession(who, way, None if due else flags, dice.of(sizes), quirks)
    to: str | int = dice.below(8) if dice.below(2) else dice.of(ELSEWHERE)
    family = 6 if ":" in str(to) or dice.below(2) else 4
    source = dice.of([*CLIENTS[family], *NO_CLIENTS[family]])
    sport, dport = dice.of(PORTS), dice.of([*PORTS, 1024])
    return Other(source, to, dice.of(PROTOCOLS), sport, dport, dice.of(sizes), dice.quirks())
