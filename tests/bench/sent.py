# SPDX-License-Identifier: BSD-3-Clause
"""What the engine made of the frames of capture.py, in the pcap file that it sent them to."""

import struct
from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

from bench.capture import PAYLOAD_AT, TTL, checksum, pseudo

EACH = 100
_FILE_HEADER = 24
_RECORD = struct.Struct("=IIII")
_PORTS = struct.Struct("!HH")


def check(
    path: Path, sessions: int, rs: set[IPv4Address], rs_port: int, local: set[IPv4Address]
) -> None:
    """Raise RuntimeError unless each session's frames went to one RS, in turn, by a way of its own.

    Of one frame in EACH the checksums, too.
    """
    ways: dict[bytes, bytes] = {}
    for number, frame in enumerate(frames(path)):
        ip, (_, port) = frame[14:34], _PORTS.unpack_from(frame, 34)
        source, target = IPv4Address(ip[12:16]), IPv4Address(ip[16:20])
        if source not in local or target not in rs or port != rs_port or ip[8] != TTL - 1:
            raise RuntimeError(f"a frame went from {source} to {target}:{port}")
        if number % EACH == 0 and not _sums_are_right(frame):
            raise RuntimeError("a frame was sent with a wrong checksum")
        way = ip[12:20] + frame[34:38]
        if ways.setdefault(frame[PAYLOAD_AT:], way) != way:
            raise RuntimeError("frames of one session went different ways")
    if not len(ways) == len(set(ways.values())) == sessions:
        raise RuntimeError(f"{len(ways)} sessions of {sessions}, {len(set(ways.values()))} ways")
    turns = Counter(way[4:8] for way in ways.values())
    if max(turns.values()) > min(turns[one.packed] for one in rs) + 1:
        raise RuntimeError(f"the RS did not take turns: {sorted(turns.values())} sessions")


def frames(path: Path) -> Iterator[bytes]:
    """Those in a pcap file of this machine's byte order."""
    data = path.read_bytes()
    at = _FILE_HEADER
    while at < len(data):
        size = _RECORD.unpack_from(data, at)[2]
        at += _RECORD.size
        yield data[at : at + size]
        at += size


def _sums_are_right(frame: bytes) -> bool:
    ip, udp = frame[14:34], frame[34 : 14 + int.from_bytes(frame[16:18])]
    return checksum(ip) == 0 and checksum(pseudo(ip[12:20], len(udp)) + udp) == 0
