# SPDX-License-Identifier: BSD-3-Clause
"""How a NIC spreads packets, written down once more: Toeplitz hash, bit by bit, and table."""

import random
from dataclasses import dataclass

from packets.nat import IP_AT, PROTO_TCP, PROTO_UDP, addresses, is_v6, proto_and_l4

# Of the RSS verification suite (Microsoft, "Verifying the RSS hash calculation").
MICROSOFT_KEY = bytes.fromhex(
    "6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa"
)


def toeplitz(key: bytes, data: bytes) -> int:
    """The hash: for every bit set, the 32 bits of the key from there on."""
    bits, total = int.from_bytes(key, "big"), len(key) * 8
    value = 0
    for n in range(len(data) * 8):
        if data[n // 8] & 0x80 >> n % 8:
            value ^= bits >> total - 32 - n & 0xFFFFFFFF
    return value


@dataclass(frozen=True)
class Rss:
    """A NIC's key and redirection table; the queues are the workers'."""

    key: bytes
    table: tuple[int, ...]

    def hash(self, frame: bytes) -> int:
        """Of a frame: with ports, unless it is a fragment or neither TCP nor UDP."""
        proto, l4 = proto_and_l4(frame)
        fragment = not is_v6(frame) and int.from_bytes(frame[IP_AT + 6 : IP_AT + 8], "big") & 0x3FFF
        data = addresses(frame)
        if proto in (PROTO_TCP, PROTO_UDP) and not fragment and frame[IP_AT + 6] != 44:
            data += frame[l4 : l4 + 4]
        return toeplitz(self.key, data)

    def worker(self, frame: bytes) -> int:
        """That gets the frame."""
        return self.table[self.hash(frame) % len(self.table)]


def random_rss(dice: random.Random, workers: int, size: int, length: int = 40) -> Rss:
    """A random key, and a random table in which every worker occurs."""
    table = [dice.randrange(workers) for _ in range(size)]
    for worker, place in enumerate(dice.sample(range(size), workers)):
        table[place] = worker
    return Rss(dice.randbytes(length), tuple(table))
