# SPDX-License-Identifier: BSD-3-Clause
"""Checksums recomputed by scapy, so that not even the arithmetic is the model's word alone."""

from socket import inet_ntoa

from scapy.layers.inet import IP, in4_chksum
from scapy.utils import checksum

from oracle.packet import CHECKSUM_AT, ETHERNET, ICMP, TCP, UDP, Packet


def agrees(packet: Packet) -> None:
    """What the model holds for right checksums of this frame, scapy must too."""
    header = packet.frame[ETHERNET : packet.l4]
    right = int(checksum(header[:10] + b"\0\0" + header[12:]))
    assert right == packet.ip_checksum()[1], f"IPv4 checksum: scapy makes it {right:#06x}"
    if packet.proto not in (TCP, UDP, ICMP):
        return
    place = CHECKSUM_AT[packet.proto]
    data = packet.frame[packet.l4 : packet.l4_end]
    data = data[:place] + b"\0\0" + data[place + 2 :]
    if packet.proto == ICMP:
        right = int(checksum(data))
    else:
        # Without a length of its own, so that scapy takes that of the data: UDP's may be shorter.
        ends = IP(src=inet_ntoa(packet.src), dst=inet_ntoa(packet.dst))
        right = int(in4_chksum(packet.proto, ends, data))
    if packet.proto == UDP and right == 0:
        right = 0xFFFF
    assert right == packet.l4_checksum()[1], f"L4 checksum: scapy makes it {right:#06x}"
