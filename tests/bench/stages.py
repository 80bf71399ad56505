# SPDX-License-Identifier: BSD-3-Clause
"""Where the cycles of a packet go: the path's stages, each by itself."""

from bench.figure import Figure
from bench.native import ACCOUNTS, measure

SESSIONS = 1_000
KINDS = {"udp4": "UDP, IPv4", "udp6": "UDP, IPv6", "tcp4": "TCP, IPv4", "tcp6": "TCP, IPv6"}
WAYS = {
    "in": "from clients, established",
    "out": "from RS, established",
    "new": "first packet of a session",
}


def figures(runs: int) -> list[Figure]:
    """A figure for each kind of packet: the sum, made of what each stage takes.

    Of the rounds left out, each says how many all of them together had.
    """
    found = measure("stages", SESSIONS, runs, program=ACCOUNTS)
    made = []
    for kind, kind_said in KINDS.items():
        for way, way_said in WAYS.items():
            name = f"{kind}.{way}"
            stages = {
                side.split()[1]: cycles
                for side, cycles in found.cycles.items()
                if side.split()[0] == name
            }
            total = round(sum(min(cycles) for cycles in stages.values()), 1)
            what = f"cycles a packet, {kind_said} {way_said}"
            made.append(Figure(f"stages.{name}", what, total, None, stages, found.left_out))
    return made
