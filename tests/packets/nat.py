# SPDX-License-Identifier: BSD-3-Clause
"""Full NAT written down once more, from the headers' definitions and with checksums from scratch.

A checksum that was wrong must stay wrong by as much, so what is compared is the distance between
the checksum and the right one, before and after, in one's complement.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from scapy.utils import checksum

Right = Callable[[bytes], int]

IP_AT = 14
IPV6_HEADER = 40
TCP_CSUM, UDP_CSUM = 16, 6
PROTO_TCP, PROTO_UDP = 6, 17
ACK_FLAG = 0x10
OPTION_END, OPTION_NOP, OPTION_SACK, OPTION_TIMESTAMP = 0, 1, 5, 8
FRAGMENT, AUTHENTICATION = 44, 51
EXTENSIONS = (0, 43, FRAGMENT, AUTHENTICATION, 60)
DONT_FRAGMENT = 0x4000
MAY_FRAGMENT = 1260


@dataclass(frozen=True)
class Wire:
    """Where a frame leaves: MACs and both endpoints as (address, port)."""

    src_mac: str
    dst_mac: str
    src: tuple[str, int]
    dst: tuple[str, int]


@dataclass(frozen=True)
class Shift:
    """What a session adds to its client's TCP numbers on the way to the RS."""

    seq: int = 0
    stamp: int = 0

    @staticmethod
    def learn(before: bytes, after: bytes) -> "Shift":
        """From a SYN and what became of it; nothing for another protocol."""
        if {proto_and_l4(frame)[0] for frame in (before, after)} != {PROTO_TCP}:
            return Shift()
        stamps = [_stamp(frame) for frame in (before, after)]
        return Shift(_sequence(after) - _sequence(before), stamps[1] - stamps[0])


def is_v6(frame: bytes) -> bool:
    """Whether it is an IPv6 frame."""
    return frame[IP_AT] >> 4 == 6


def proto_and_l4(frame: bytes) -> tuple[int, int]:
    """Protocol and offset of the TCP or UDP header, behind options and extension headers."""
    if not is_v6(frame):
        return frame[IP_AT + 9], IP_AT + (frame[IP_AT] & 15) * 4
    proto, at = frame[IP_AT + 6], IP_AT + IPV6_HEADER
    while proto in EXTENSIONS:
        if proto == AUTHENTICATION:
            length = (frame[at + 1] + 2) * 4
        else:
            length = 8 if proto == FRAGMENT else (frame[at + 1] + 1) * 8
        proto, at = frame[at], at + length
    return proto, at


def l4_at(frame: bytes) -> int:
    """Offset of the TCP or UDP header."""
    return proto_and_l4(frame)[1]


def ip_length(frame: bytes) -> int:
    """Bytes of the IP header and what is behind it."""
    if is_v6(frame):
        return IPV6_HEADER + _at(frame, IP_AT + 4)
    return _at(frame, IP_AT + 2)


def addresses(frame: bytes) -> bytes:
    """Source and destination address."""
    return frame[IP_AT + 8 : IP_AT + 40] if is_v6(frame) else frame[IP_AT + 12 : IP_AT + 20]


def endpoints(frame: bytes) -> tuple[tuple[str, int], tuple[str, int]]:
    """Source and destination of a TCP or UDP frame."""
    at, both = l4_at(frame), addresses(frame)
    kind = IPv6Address if is_v6(frame) else IPv4Address
    half = len(both) // 2
    source, destination = (str(kind(both[i : i + half])) for i in (0, half))
    return (source, _at(frame, at)), (destination, _at(frame, at + 2))


def translated(
    before: bytes, after: bytes, wire: Wire, shift: Shift = Shift(), *, inwards: bool = True
) -> bytes:
    """What `before` must have become; `after` only decides between two spellings of zero.

    `inwards`: towards the RS, where the client's numbers are `shift` higher.
    """
    proto, l4 = proto_and_l4(before)
    frame = _with_addresses(before, ip_address(wire.src[0]).packed + ip_address(wire.dst[0]).packed)
    frame[0:12] = _mac(wire.dst_mac) + _mac(wire.src_mac)
    moved = l4_at(bytes(frame))
    frame[moved : moved + 4] = wire.src[1].to_bytes(2, "big") + wire.dst[1].to_bytes(2, "big")
    place = TCP_CSUM if proto == PROTO_TCP else UDP_CSUM
    if proto == PROTO_TCP:
        _renumber(frame, moved, shift, inwards)
    bare = proto == PROTO_UDP and _at(before, l4 + place) == 0
    if bare and is_v6(after) and not is_v6(before):
        frame[moved + place : moved + place + 2] = _l4_right(bytes(frame)).to_bytes(2, "big")
    elif not bare:
        _carry(frame, before, after, (l4 + place, moved + place), _l4_right)
    if not is_v6(before) and not is_v6(after):
        _carry(frame, before, after, (IP_AT + 10, IP_AT + 10), _ip_right)
    return bytes(frame)


def with_right_checksum(frame: bytes) -> bytes:
    """The TCP frame with the checksum it should have."""
    place = l4_at(frame) + TCP_CSUM
    return frame[:place] + _l4_right(frame).to_bytes(2, "big") + frame[place + 2 :]


def as_wrong(frame: bytes, before: bytes) -> bytes:
    """The TCP frame with checksums that are as wrong as those of another one."""
    changed, places = bytearray(frame), [l4_at(one) + TCP_CSUM for one in (before, frame)]
    _carry(changed, before, frame, (places[0], places[1]), _l4_right)
    if not is_v6(frame):
        _carry(changed, before, frame, (IP_AT + 10, IP_AT + 10), _ip_right)
    return bytes(changed)


def right_checksums(frame: bytes) -> bool:
    """Whether both checksums are what they would be if made from scratch; no UDP one counts too."""
    proto, l4 = proto_and_l4(frame)
    place = l4 + (TCP_CSUM if proto == PROTO_TCP else UDP_CSUM)
    bare_udp = proto != PROTO_TCP and _at(frame, place) == 0
    header = is_v6(frame) or _at(frame, IP_AT + 10) == _ip_right(frame)
    return header and (bare_udp or _at(frame, place) == _l4_right(frame))


def tcp_options(frame: bytes) -> Iterator[tuple[int, int, int]]:
    """The options of a TCP frame, as far as they can be read: offset, kind, length."""
    start = l4_at(frame)
    at, end = start + 20, start + (frame[start + 12] >> 4) * 4
    while at < end and frame[at] != OPTION_END:
        if frame[at] == OPTION_NOP:
            at += 1
            continue
        if at + 1 >= end or frame[at + 1] < 2 or at + frame[at + 1] > end:
            return
        yield at, frame[at], frame[at + 1]
        at += frame[at + 1]


def turned(frame: bytes) -> bytes:
    """An RS's first answer to a frame that reached it, a SYN-ACK to a SYN; its checksums stay as
    right as they were, since words only change places but for one flag."""
    half, proto, l4 = len(addresses(frame)) // 2, *proto_and_l4(frame)
    start = IP_AT + (8 if is_v6(frame) else 12)
    back = bytearray(frame)
    back[0:12] = frame[6:12] + frame[0:6]
    back[start : start + 2 * half] = frame[start + half : start + 2 * half] + frame[start:][:half]
    back[l4 : l4 + 4] = frame[l4 + 2 : l4 + 4] + frame[l4 : l4 + 2]
    if proto == PROTO_TCP and not frame[l4 + 13] & ACK_FLAG:
        back[l4 + 13] |= ACK_FLAG
        # RFC 1624, equation 4: in one's complement, ffff less is one more.
        wrong = _at(frame, l4 + TCP_CSUM) - ACK_FLAG
        back[l4 + TCP_CSUM : l4 + TCP_CSUM + 2] = (wrong % 0xFFFF).to_bytes(2, "big")
    return bytes(back)


def _renumber(frame: bytearray, l4: int, shift: Shift, inwards: bool) -> None:
    acks = bool(frame[l4 + 13] & ACK_FLAG)
    if inwards:
        _add(frame, l4 + 4, shift.seq)
    elif acks:
        _add(frame, l4 + 8, -shift.seq)
    for at, kind, length in tcp_options(bytes(frame)):
        if kind == OPTION_TIMESTAMP and length == 10 and inwards:
            _add(frame, at + 2, shift.stamp)
        elif kind == OPTION_TIMESTAMP and length == 10 and acks:
            _add(frame, at + 6, -shift.stamp)
        elif kind == OPTION_SACK and length % 8 == 2 and not inwards:
            for edge in range(at + 2, at + length, 4):
                _add(frame, edge, -shift.seq)


def _add(frame: bytearray, place: int, number: int) -> None:
    frame[place : place + 4] = ((_number(frame, place) + number) % 2**32).to_bytes(4, "big")


def _number(frame: bytes | bytearray, place: int) -> int:
    return int.from_bytes(frame[place : place + 4], "big")


def _sequence(frame: bytes) -> int:
    return _number(frame, l4_at(frame) + 4)


def _stamp(frame: bytes) -> int:
    """The first time stamp, or 0."""
    found = (o for o in tcp_options(frame) if o[1:] == (OPTION_TIMESTAMP, 10))
    return next((_number(frame, at + 2) for at, _, _ in found), 0)


def _with_addresses(before: bytes, both: bytes) -> bytearray:
    """The frame with other addresses, of the other family if they are, and one hop less to live."""
    frame = bytearray(before)
    if len(both) == len(addresses(before)):
        start = IP_AT + (8 if is_v6(before) else 12)
        frame[start : start + len(both)] = both
        frame[IP_AT + (7 if is_v6(before) else 8)] -= 1
        return frame
    l4, end = l4_at(before), IP_AT + ip_length(before)
    header = _as_v4(before, both, end - l4) if is_v6(before) else _as_v6(before, both, end - l4)
    frame[12:l4] = header
    return frame


def _as_v6(before: bytes, both: bytes, length: int) -> bytes:
    first = (6 << 28 | before[IP_AT + 1] << 20).to_bytes(4, "big")
    return (
        b"\x86\xdd"
        + first
        + length.to_bytes(2, "big")
        + bytes([before[IP_AT + 9], before[IP_AT + 8] - 1])
        + both
    )


def _as_v4(before: bytes, both: bytes, length: int) -> bytes:
    proto, l4 = proto_and_l4(before)
    tos = _at(before, IP_AT) >> 4 & 0xFF
    whole = length + 20 > MAY_FRAGMENT
    place = l4 + (TCP_CSUM if proto == PROTO_TCP else UDP_CSUM)
    header = bytearray(
        bytes([0x45, tos])
        + (length + 20).to_bytes(2, "big")
        + (b"\0\0" if whole else before[place : place + 2])
        + (DONT_FRAGMENT if whole else 0).to_bytes(2, "big")
        + bytes([before[IP_AT + 7] - 1, proto, 0, 0])
        + both
    )
    header[10:12] = int(checksum(bytes(header))).to_bytes(2, "big")
    return b"\x08\x00" + bytes(header)


def _carry(
    frame: bytearray, before: bytes, after: bytes, places: tuple[int, int], right: Right
) -> None:
    """Put in the checksum that is as wrong as the one before."""
    was, place = places
    error = (_at(before, was) - right(before)) % 0xFFFF
    value = right(bytes(frame))
    if error != 0:
        value = (value + error) % 0xFFFF
        if value == 0 and _at(after, place) == 0xFFFF:
            value = 0xFFFF
    frame[place : place + 2] = value.to_bytes(2, "big")


def _ip_right(frame: bytes) -> int:
    header = frame[IP_AT : l4_at(frame)]
    return int(checksum(header[:10] + b"\0\0" + header[12:]))


def _l4_right(frame: bytes) -> int:
    proto, l4 = proto_and_l4(frame)
    payload = frame[l4 : IP_AT + ip_length(frame)]
    place = TCP_CSUM if proto == PROTO_TCP else UDP_CSUM
    payload = payload[:place] + b"\0\0" + payload[place + 2 :]
    # UDP has a length of its own (RFC 768), which may be less than what IP carries.
    if proto == PROTO_UDP:
        payload = payload[: _at(frame, l4 + 4)]
    pseudo = addresses(frame) + len(payload).to_bytes(4, "big") + proto.to_bytes(4, "big")
    value = int(checksum(pseudo + payload))
    return 0xFFFF if value == 0 and proto == PROTO_UDP else value


def _at(frame: bytes, place: int) -> int:
    return int.from_bytes(frame[place : place + 2], "big")


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))
