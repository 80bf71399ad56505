# SPDX-License-Identifier: BSD-3-Clause
"""Where the cycles of a packet go: the path's stages, and what is around them in a round."""

from collections.abc import Mapping

from bench.figure import Figure
from bench.native import ACCOUNTS, Runs, measure
from bench.sizes import LIVES, MANY, MANY_MB, SESSIONS

KINDS = {"udp4": "UDP, IPv4", "udp6": "UDP, IPv6", "tcp4": "TCP, IPv4", "tcp6": "TCP, IPv6"}
WAYS = {
    "in": "from clients, established",
    "out": "from RS, established",
    "new": "first packet of a session",
}
IO = {
    "few": f"established, {SESSIONS:,} sessions",
    "many": f"established, {MANY:,} sessions",
    "5tswap": "of an exchange of addresses",
}
LIFE = ("SYN", "SYN-ACK", "ACK", "request", "answer, FIN", "FIN", "last ACK")


def parts(found: Runs, sides: Mapping[str, str], prefix: str) -> list[Figure]:
    """For each side, said in words, the sum, made of what each part takes.

    Of the rounds left out, each says how many all of them together had.
    """
    made = []
    for side, words in sides.items():
        by = {
            name.removeprefix(f"{side}: "): cycles
            for name, cycles in found.cycles.items()
            if name.startswith(f"{side}: ")
        }
        total = round(sum(min(cycles) for cycles in by.values()), 1)
        key = f"stages.{prefix}{side.replace(', ', '-').replace(' ', '-')}"
        made.append(Figure(key, f"cycles a packet, {words}", total, None, by, found.left_out))
    return made


def figures(runs: int) -> list[Figure]:
    """The path's stages by kind of packet; then rounds through a driver, as `m2` and `m3`."""
    kinds = {f"{kind}.{way}": f"{KINDS[kind]} {WAYS[way]}" for kind in KINDS for way in WAYS}
    life = {step: f"a connection's {step}" for step in LIFE}
    return [
        *parts(measure("stages", SESSIONS, runs, program=ACCOUNTS), kinds, ""),
        *parts(measure("io", MANY, runs, MANY_MB, ACCOUNTS), IO, "io."),
        *parts(measure("tcp", LIVES, runs, program=ACCOUNTS), life, "life."),
    ]
