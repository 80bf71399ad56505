# SPDX-License-Identifier: BSD-3-Clause
"""What the kernel gets: everything that is not IPv4, OSPF, multicast, the host's own addresses."""

from case import Case, Drop, Punt, Reroute, Send
from packets.frames import LOCAL, OWN, OWN6, VIP, ether, icmp, ip, ip6, patched, tcp, udp
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q
from values import View

OSPF, GRE, IGMP, SCTP = 89, 47, 2, 132
EVERYBODY = b"\xff" * 6
BFD = 3784
HELLO = b"\x02\x01" + bytes(42)


def ospf(dst: str, **fields: object) -> object:
    """An OSPF packet."""
    return ip("192.0.2.1", dst, proto=OSPF, ttl=1, **fields) / HELLO


CASES = [
    Case("an ARP request", Send(ether(dst="ff:ff:ff:ff:ff:ff") / ARP(pdst=OWN), Punt("ARP"))),
    Case("an ARP reply", Send(ether() / ARP(op=2, pdst=OWN), Punt("ARP"))),
    Case(
        "an ARP packet cut after its Ethernet header", Send(bytes(ether(type=0x0806)), Punt("ARP"))
    ),
    Case("IPv6 to somebody else", Send(ether() / IPv6(dst="2001:db8::1") / b"x", Drop("PROTOCOL"))),
    Case("LLDP", Send(ether(type=0x88CC) / b"\x02\x07", Punt("OTHER"))),
    Case("802.3 with a length for a type", Send(ether(type=38) / bytes(38), Punt("OTHER"))),
    Case(
        "an outer tag of a provider is not looked behind",
        Send(ether() / Dot1AD(vlan=9) / Dot1Q(vlan=5) / IP(dst=VIP) / b"x", Punt("OTHER")),
    ),
    Case("OSPF to all routers", Send(ospf("224.0.0.5"), Punt("OSPF"))),
    Case("OSPF to the designated routers", Send(ospf("224.0.0.6"), Punt("OSPF"))),
    Case("OSPF to the host itself", Send(ospf(OWN), Punt("OSPF"))),
    Case("a first fragment of OSPF", Send(ospf(OWN, flags="MF"), Punt("OSPF"))),
    Case("a later fragment of OSPF", Send(ospf(OWN, frag=8), Punt("OSPF"))),
    Case(
        "OSPF from behind a router is nobody's adjacency",
        Send(ip("203.0.113.9", OWN, proto=OSPF) / HELLO, Punt("OTHER")),
        Send(ip("203.0.113.9", "224.0.0.5", proto=OSPF) / HELLO, Punt("OTHER")),
    ),
    Case(
        "OSPF from nowhere",
        Reroute(View(own=(OWN6,))),
        Send(ip6("::", OWN6, nh=OSPF) / HELLO, Punt("OTHER")),
    ),
    Case("OSPF to another group", Send(ospf("224.0.0.9"), Punt("OTHER"))),
    Case("OSPF to a VIP", Send(ospf(VIP), Drop("PROTOCOL"))),
    Case("OSPF to a local address", Send(ospf(LOCAL[0]), Drop("PROTOCOL"))),
    Case("IGMP to a group", Send(ip(dst="224.0.0.22", proto=IGMP) / bytes(8), Punt("OTHER"))),
    Case("UDP to a group", Send(udp(dst="224.0.0.251", dport=5353), Punt("OTHER"))),
    Case("UDP to a group on a VS's port", Send(udp(dst="239.1.2.3"), Punt("OTHER"))),
    Case("TCP to a group", Send(tcp(dst="224.0.0.5"), Punt("OTHER"))),
    Case("ICMP to a group", Send(icmp("224.0.0.1"), Punt("OTHER"))),
    Case("UDP to everybody", Send(udp(dst="255.255.255.255", dport=68), Punt("OTHER"))),
    Case("UDP to the subnet's broadcast address", Send(udp(dst="192.0.2.255"), Punt("OTHER"))),
    Case("TCP to the host itself", Send(tcp(dst=OWN, dport=22), Punt("OTHER"))),
    Case(
        "TCP to the host itself, whatever the flags",
        Send(tcp("R", dst=OWN, dport=22), Punt("OTHER")),
    ),
    Case("UDP to the host itself", Send(udp(dst=OWN, dport=161), Punt("OTHER"))),
    Case(
        "BFD from the link, as OSPF, whose adjacency it watches",
        Reroute(View(own=(OWN, OWN6))),
        Send(udp(dst=OWN, dport=BFD, ttl=255), Punt("OSPF")),
        Send(ether() / IPv6(dst=OWN6, hlim=255) / UDP(dport=BFD) / HELLO, Punt("OSPF")),
    ),
    Case(
        "what looks like BFD",
        Send(udp(dst=OWN, dport=BFD, ttl=254), Punt("OTHER")),
        Send(udp(dst="224.0.0.251", dport=BFD, ttl=255), Punt("OTHER")),
        Send(udp(dst=OWN, dport=BFD, ttl=255, flags="MF"), Punt("OTHER")),
        Send(udp(dst=OWN, dport=BFD + 1, ttl=255), Punt("OTHER")),
        Send(udp(dst=VIP, dport=BFD, ttl=255), Drop("NO_VS")),
    ),
    Case(
        "to a VIP in a frame for everybody on the link",
        Send(patched(tcp(), 0, EVERYBODY), Drop("NOT_FOR_US")),
        Send(patched(icmp(), 0, EVERYBODY), Drop("NOT_FOR_US")),
        Send(patched(udp(dst=OWN), 0, EVERYBODY), Punt("OTHER")),
    ),
    Case("any protocol to the host itself", Send(ip(dst=OWN, proto=GRE) / bytes(8), Punt("OTHER"))),
    Case("a fragment to the host itself", Send(udp(dst=OWN, frag=10), Punt("OTHER"))),
    Case("TTL 1 to the host itself has arrived", Send(tcp(dst=OWN, ttl=1), Punt("OTHER"))),
    Case(
        "a protocol we do not balance, to a VIP", Send(ip(proto=SCTP) / bytes(20), Drop("PROTOCOL"))
    ),
    Case("and to a local address", Send(ip(dst=LOCAL[0], proto=GRE) / bytes(8), Drop("PROTOCOL"))),
    Case("and to somebody else", Send(ip(dst="10.1.2.3", proto=GRE) / bytes(8), Drop("PROTOCOL"))),
]
