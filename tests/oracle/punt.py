# SPDX-License-Identifier: BSD-3-Clause
"""Which of the kernel's meters a packet counts for."""

from oracle.packet import ICMP6, OSPF, UDP, Packet
from oracle.routes import Routes, packed

PUNT_OSPF, PUNT_ARP, PUNT_OTHER = range(3)
BFD = 3784
OSPF_GROUPS = {packed(group) for group in ("224.0.0.5", "224.0.0.6", "ff02::5", "ff02::6")}


def is_ospf(packet: Packet, own: bool, routes: Routes) -> bool:
    """Whether it is of an adjacency: from the link, to the OSPF routers on it or to us."""
    if packet.proto != OSPF or not (own or packet.dst in OSPF_GROUPS):
        return False
    if packet.family == 6 and packet.src[0] == 0xFE and packet.src[1] & 0xC0 == 0x80:
        return True
    hop = routes.find(packet.src)
    return hop is not None and hop.address == packet.src


def punt_class(packet: Packet) -> int:
    """Which meter, if it is not OSPF; BFD has OSPF's, and neighbour discovery is IPv6's ARP."""
    if packet.proto == UDP and packet.dport == BFD and packet.ttl == 255:
        return PUNT_OTHER if packet.fragment or packet.group else PUNT_OSPF
    if packet.proto == ICMP6 and packet.family == 6 and not packet.fragment:
        return PUNT_ARP if 133 <= packet.frame[packet.l4] <= 137 else PUNT_OTHER
    return PUNT_OTHER
