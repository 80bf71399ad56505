# SPDX-License-Identifier: BSD-3-Clause
"""Just enough DNS (RFC 1035, 3596) for a question and its TXT, A or AAAA answer; values only."""

import ipaddress
import struct
from collections.abc import Iterable
from dataclasses import dataclass

A, TXT, AAAA = 1, 16, 28
_HEADER = struct.Struct(">HHHHHH")
_IN = 1


@dataclass(frozen=True)
class Question:
    """A decoded query: its id, the raw question section and the type asked for."""

    number: int
    raw: bytes
    kind: int


def query(number: int, name: str, kind: int = TXT) -> bytes:
    """Encode a query."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return _HEADER.pack(number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", kind, _IN)


def question(packet: bytes) -> Question:
    """Decode a query with one question; raises ValueError when it is none."""
    try:
        number, flags, count, *_ = _HEADER.unpack_from(packet)
        end = _HEADER.size
        while packet[end]:
            end += 1 + packet[end]
        kind, _ = struct.unpack_from(">HH", packet, end + 1)
    except (struct.error, IndexError) as error:
        raise ValueError("cut short") from error
    if flags & 0x8000 or count != 1:
        raise ValueError("not a query with one question")
    return Question(number, packet[_HEADER.size : end + 5], kind)


def answer(asked: Question, name: str, addresses: Iterable[str]) -> bytes:
    """Encode the reply to `asked`: the name as TXT, an address as A or AAAA, else nothing."""
    found = {TXT: bytes([len(name)]) + name.encode()}
    for address in map(ipaddress.ip_address, addresses):
        found[A if address.version == 4 else AAAA] = address.packed
    data = found.get(asked.kind)
    header = _HEADER.pack(asked.number, 0x8580, 1, 0 if data is None else 1, 0, 0)
    if data is None:
        return header + asked.raw
    record = struct.pack(">HHHIH", 0xC00C, asked.kind, _IN, 0, len(data))
    return header + asked.raw + record + data


def text(packet: bytes, number: int) -> str:
    """Decode the text of a TXT reply to query `number`; raises ValueError when it is none."""
    asked_end = packet.index(b"\0", _HEADER.size) + 5
    found, _, _, answers, *_ = _HEADER.unpack_from(packet)
    if found != number or answers != 1:
        raise ValueError(f"reply {found} with {answers} answers to query {number}")
    data = packet[asked_end + 12 :]
    return data[1 : 1 + data[0]].decode()
