# SPDX-License-Identifier: BSD-3-Clause
"""Packets out of a handful of random bytes each.

Drawing every property of every packet through hypothesis costs far more than running the packet. So
hypothesis draws some bytes for a packet, and their digits decide. Zeros stand for no packet or the
plainest one, since hypothesis shrinks bytes towards zero.
"""

from collections.abc import Sequence
from typing import TypeVar

from oracle.drafts import MILD, QUIRKS
from oracle.events import FromClient, Noise, OfSession, Other, Sent

BYTES = 16
T = TypeVar("T")

CLIENTS = ["203.0.113.9", "203.0.113.10", "20.0.0.1", "10.10.0.1", "1.0.0.1"]
NO_CLIENTS = ["0.0.0.0", "127.0.0.1", "224.0.0.5", "255.255.255.255", "10.96.0.10", "192.0.2.2"]
PORTS = [40000, 40001, 1, 53, 1023, 65535]
VIPS = ["10.96.0.10", "10.96.0.11", "10.96.255.255"]
SERVICES = [
    *[f"{VIPS[0]}:{service}" for service in ("80/tcp", "80/udp", "53/tcp", "53/udp")],
    *[f"{VIPS[1]}:{service}" for service in ("80/tcp", "53/udp")],
    f"{VIPS[2]}:1/tcp",
]
OWN = ["192.0.2.2", "192.0.2.255"]
ELSEWHERE = [*VIPS, *OWN, "10.1.2.3", "224.0.0.5", "255.255.255.255"]
PROTOCOLS = [1, 1, 1, 6, 17, 89, 47]
SYN, ACK, PUSH_ACK, FIN_ACK, RST, SYN_ACK, SYN_ECN = 0x02, 0x10, 0x18, 0x11, 0x04, 0x12, 0xC2
FLAGS = [SYN] * 4 + [ACK] * 4 + [PUSH_ACK] * 2 + [FIN_ACK] * 2 + [RST, SYN_ACK, SYN_ECN]
SIZES = [0, 0, 0, 0, 0, 1, 2, 3, 8, 9, 64, 65, 512, 512, 1432, 1452, 1460, 1461, 1472, 1473]
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
    "fragment": [0x4000, 0x4000, 0x8000, 0x2000, 0x0001, 0x1FFF, 0x20B9],
    "icmp": [0x0000, 0x0800, 0x0801, 0x0304, 0x0B00, 0x0C00],
    "proto": [1, 2, 6, 17, 47, 58, 89, 132],
    "ether_type": [0x0806, 0x88CC, 38],
    "version": range(16),
    "ihl": range(16),
    "data_offset": range(16),
    "sums_to": range(8),
}
RARE = sorted(QUIRKS)
UNKNOWN = (b"\x86\xdd", b"\x81\x00", b"\x88\xa8")  # types of frames the model does not know


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

    def _quirk(self, name: str) -> tuple[str, int]:
        values = VALUES.get(name)
        return name, self.word() if values is None else self.of(values)


def packet(drawn: bytes) -> Sent | None:
    """The packet that these bytes stand for, if any."""
    dice = Dice(drawn)
    kind = dice.below(17)
    if kind == 0:
        return None
    if kind < 6:
        client = dice.of(NO_CLIENTS) if dice.below(9) == 8 else dice.of(CLIENTS)
        service, port = dice.of(SERVICES), dice.of(PORTS)
        return FromClient(client, port, service, dice.flags(), dice.of(SIZES), dice.quirks())
    if kind < 15:
        way, who = dice.below(2) == 1, dice.below(40)
        return OfSession(who, way, dice.flags(), dice.of(SIZES), dice.quirks())
    if kind == 15:
        to = dice.below(4) if dice.below(2) else dice.of(ELSEWHERE)
        source = dice.of([*CLIENTS, *NO_CLIENTS])
        sport, dport = dice.of(PORTS), dice.of([*PORTS, 1024])
        return Other(source, to, dice.of(PROTOCOLS), sport, dport, dice.of(SIZES), dice.quirks())
    noise = drawn[dice.below(len(drawn)) :] * (1 + dice.below(4))
    return None if noise[12:14] in UNKNOWN else Noise(noise)
