# SPDX-License-Identifier: BSD-3-Clause
"""Checksums recomputed by scapy, so that not even the arithmetic is the model's word alone."""

from collections import OrderedDict
from dataclasses import dataclass, field
from ipaddress import ip_address

from scapy.layers.inet import IP, in4_chksum
from scapy.layers.inet6 import IPv6, in6_chksum
from scapy.utils import checksum

from oracle.datagrams import Name, covers, name_of
from oracle.packet import BALANCED, CHECKSUM_AT, ETHERNET, ICMP, UDP, Packet, number

REMEMBERED = 64  # datagrams that are not whole yet


def agrees(packet: Packet) -> None:
    """What the model holds for right checksums of this frame, scapy must too."""
    if packet.family == 4:
        header = packet.frame[ETHERNET : packet.l4]
        right = int(checksum(header[:10] + b"\0\0" + header[12:]))
        assert right == packet.ip_checksum()[1], f"IPv4 checksum: scapy makes it {right:#06x}"
    if packet.fragment or packet.proto not in BALANCED[packet.family]:
        return
    right = _right(packet, packet.frame[packet.l4 : packet.l4_end])
    assert right == packet.l4_checksum()[1], f"L4 checksum: scapy makes it {right:#06x}"


def _right(packet: Packet, data: bytes) -> int:
    """The L4 checksum that this data of the packet, or of its whole datagram, should have."""
    place = CHECKSUM_AT[packet.proto]
    right = _sum(packet, data[:place] + b"\0\0" + data[place + 2 :])
    return 0xFFFF if packet.proto == UDP and right == 0 else right


def _sum(packet: Packet, data: bytes) -> int:
    if packet.proto == ICMP:
        return int(checksum(data))
    # Without a length of its own, so that scapy takes that of the data: UDP's may be shorter.
    src, dst = str(ip_address(packet.src)), str(ip_address(packet.dst))
    if packet.family == 4:
        return int(in4_chksum(packet.proto, IP(src=src, dst=dst), data))
    return int(in6_chksum(packet.proto, IPv6(src=src, dst=dst), data))


@dataclass
class _Datagram:
    """A datagram that is sent in fragments, and what it was made of."""

    came: list[Packet] = field(default_factory=list)
    left: list[Packet] = field(default_factory=list)


class Datagrams:
    """Fragments put together again: a datagram leaves as right, or as wrong, as it came."""

    def __init__(self) -> None:
        self._under_way: OrderedDict[Name, _Datagram] = OrderedDict()

    def sent(self, fragment: Packet, came: Packet | None = None) -> bool:
        """A fragment that was sent, and of what unless that is known; whether it is the last."""
        name = name_of(fragment)
        known = self._under_way.setdefault(name, _Datagram())
        if any(one.offset == fragment.offset for one in known.left):
            known = self._under_way[name] = _Datagram()  # another one of this name
        if len(self._under_way) > REMEMBERED:
            self._under_way.popitem(last=False)
        known.left.append(fragment)
        if came is not None:
            known.came.append(came)
        left = _rejoined(known.left)
        if left is None:
            return False
        del self._under_way[name]
        came_whole = _rejoined(known.came)
        assert came_whole is not None, "a whole datagram is made of parts of one"
        was, now = _error(known.came[0], came_whole), _error(known.left[0], left)
        if was is None and known.came[0].family != fragment.family:
            was = 0  # there must be one over IPv6, and so one was made
        assert now == was, f"L4 checksum of a datagram: off by {was}, sent off by {now}"
        return True


def _rejoined(fragments: list[Packet]) -> bytes | None:
    """What a datagram carries, once all of it is there; fragments do not overlap."""
    data = b""
    for one in sorted(fragments, key=covers):
        if one.offset != len(data):
            return None
        data += one.frame[one.l4 : one.end]
        if not one.more:
            return data
    return None


def _error(packet: Packet, data: bytes) -> int | None:
    """By how much a datagram's L4 checksum is wrong, in one's complement; None: it has none."""
    is_now = number(data, CHECKSUM_AT[packet.proto])
    if packet.proto == UDP and is_now == 0:
        return None
    covered = number(data, 4) if packet.proto == UDP else len(data)
    return (is_now - _right(packet, data[:covered] if covered >= 8 else data)) % 0xFFFF
