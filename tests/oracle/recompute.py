# SPDX-License-Identifier: BSD-3-Clause
"""Checksums recomputed by scapy, so that not even the arithmetic is the model's word alone."""

from ipaddress import ip_address

from scapy.layers.inet import IP, in4_chksum
from scapy.layers.inet6 import IPv6, in6_chksum
from scapy.utils import checksum

from oracle.packet import BALANCED, CHECKSUM_AT, ETHERNET, ICMP, UDP, Packet


def agrees(packet: Packet) -> None:
    """What the model holds for right checksums of this frame, scapy must too."""
    header = packet.frame[ETHERNET : packet.l4]
    if packet.family == 4:
        right = int(checksum(header[:10] + b"\0\0" + header[12:]))
        assert right == packet.ip_checksum()[1], f"IPv4 checksum: scapy makes it {right:#06x}"
    if packet.proto not in BALANCED[packet.family]:
        return
    place = CHECKSUM_AT[packet.proto]
    data = packet.frame[packet.l4 : packet.l4_end]
    right = _l4(packet, data[:place] + b"\0\0" + data[place + 2 :])
    if packet.proto == UDP and right == 0:
        right = 0xFFFF
    assert right == packet.l4_checksum()[1], f"L4 checksum: scapy makes it {right:#06x}"


def _l4(packet: Packet, data: bytes) -> int:
    if packet.proto == ICMP:
        return int(checksum(data))
    # Without a length of its own, so that scapy takes that of the data: UDP's may be shorter.
    src, dst = str(ip_address(packet.src)), str(ip_address(packet.dst))
    if packet.family == 4:
        return int(in4_chksum(packet.proto, IP(src=src, dst=dst), data))
    return int(in6_chksum(packet.proto, IPv6(src=src, dst=dst), data))
