# SPDX-License-Identifier: BSD-3-Clause
"""IPv6: full NAT on both sides, extension headers with bounds, what belongs to the kernel."""

from case import Back, Case, Drop, EchoReply, HandTo, Punt, Send, Sessions, ToClient, ToRs
from errors import Told
from packets.frames import (
    ACK,
    FIN_ACK,
    LOCAL6,
    OWN6,
    RS6,
    VIP6,
    ip6,
    patched,
    tcp6,
    udp6,
)
from scapy.layers.inet6 import (
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    PadN,
)

OSPF = 89
PAYLOAD_LEN_AT = 18
EXT_LEN_AT = 55
UDP_LEN_AT = 58


def padded(size: int) -> object:
    """A destination options header of 8 bytes and more."""
    return IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(size))])


def chain(count: int) -> object:
    """So many destination options headers."""
    header = padded(4)
    for _ in range(count - 1):
        header = header / padded(4)
    return header


def used_up(kind: int) -> object:
    """A routing header whose segments have all been visited."""
    return IPv6ExtHdrRouting(type=kind, addresses=["2001:db8::99"], segleft=0)


SESSIONS = [
    Case(
        "a TCP connection from SYN to both FIN",
        Send(tcp6(), ToRs(RS6)),
        Send(Back(), ToClient()),
        Send(tcp6(ACK), ToRs(RS6)),
        Send(tcp6(ACK, b"GET / HTTP/1.0\r\n\r\n"), ToRs(RS6)),
        Send(Back(ACK, b"x" * 1001), ToClient()),
        Send(tcp6(FIN_ACK), ToRs(RS6)),
        Send(Back(FIN_ACK), ToClient()),
        Send(tcp6(ACK), ToRs(RS6)),
        Sessions(1, "TCP_TIME_WAIT"),
    ),
    Case(
        "question and answers",
        Send(udp6(), ToRs(RS6)),
        *(Send(Back(payload=b"z" * n), ToClient()) for n in (1, 2, 3, 1400)),
        Sessions(1, "UDP_REPLIED"),
    ),
    Case(
        "a checksum of zero is not made right",
        Send(patched(udp6(), 14 + 40 + 6, b"\0\0"), ToRs(RS6)),
    ),
    Case(
        "clients that differ in the first bits of the address are told apart",
        Send(udp6(src="2001:db8:c::9", sport=1), ToRs(RS6)),
        Send(udp6(src="3001:db8:c::9", sport=2), ToRs(RS6)),
        Send(Back(of=1), ToClient()),
        Send(Back(of=2), ToClient()),
        Sessions(2, "UDP_REPLIED"),
    ),
    Case("flow label and traffic class stay", Send(udp6(tc=0xB8, fl=0xABCDE), ToRs(RS6))),
    Case("a wrong checksum stays as wrong", Send(udp6(chksum=0x1234), ToRs(RS6))),
    Case("a padded frame", Send(bytes(udp6(b"")) + bytes(6), ToRs(RS6))),
    Case("not the start of a connection", Send(tcp6(ACK), Drop("NOT_SYN"))),
    Case("no service on the port", Send(tcp6(dport=81), Drop("NO_VS"))),
    Case("not one of our addresses", Send(tcp6(dst="2001:db8:97::1"), Drop("NOT_FOR_US"))),
    Case("an IPv4 VIP written as IPv6", Send(tcp6(dst="::ffff:10.96.0.10"), Drop("NOT_FOR_US"))),
    Case("a reply without a session", Send(udp6(dst=LOCAL6[0]), Drop("NO_SESSION"))),
    Case("a reply for another worker", Send(udp6(dst=LOCAL6[1]), HandTo(1))),
]

HOPS = [
    Case("hop limit 1", Send(udp6(hlim=1), Told("TTL")), Sessions(0)),
    Case("hop limit 0", Send(tcp6(hlim=0), Told("TTL"))),
    Case("hop limit 2", Send(tcp6(hlim=2), ToRs(RS6))),
    Case(
        "longer than the MTU",
        Send(udp6(b"x" * 1453), Told("MTU", 1500, session="in")),
        Sessions(1),
    ),
    Case("as long as the MTU", Send(udp6(b"x" * 1452), ToRs(RS6))),
]

LENGTHS = [
    Case("a header cut short", Send(bytes(udp6())[:53], Drop("SHORT"))),
    Case("another version", Send(patched(udp6(), 14, b"\x40"), Drop("BAD_VERSION"))),
    Case(
        "a payload longer than the frame",
        Send(patched(udp6(), PAYLOAD_LEN_AT, b"\x00\xff"), Drop("BAD_LENGTH")),
    ),
    Case(
        "a payload of 64 KB",
        Send(patched(udp6(), PAYLOAD_LEN_AT, b"\xff\xff"), Drop("BAD_LENGTH")),
    ),
    Case(
        "no room for a TCP header",
        Send(patched(tcp6(), PAYLOAD_LEN_AT, b"\x00\x13"), Drop("L4_SHORT")),
    ),
    Case(
        "UDP says more than there is",
        Send(patched(udp6(), UDP_LEN_AT, b"\x00\x20"), Drop("L4_SHORT")),
    ),
]

EXTENSIONS = [
    Case("hop-by-hop options", Send(tcp6(extra=IPv6ExtHdrHopByHop()), ToRs(RS6))),
    Case("destination options before TCP", Send(tcp6(extra=padded(4)), ToRs(RS6))),
    Case("long options", Send(tcp6(extra=padded(252)), ToRs(RS6))),
    Case("a routing header that is used up", Send(tcp6(extra=used_up(2)), ToRs(RS6))),
    Case("a type 0 one too", Send(tcp6(extra=used_up(0)), ToRs(RS6))),
    Case("an atomic fragment is whole", Send(tcp6(extra=IPv6ExtHdrFragment(id=5)), ToRs(RS6))),
    Case("eight headers", Send(tcp6(extra=chain(8)), ToRs(RS6))),
    Case("nine headers", Send(tcp6(extra=chain(9)), Drop("EXT_HEADER"))),
    Case(
        "source routing",
        Send(
            tcp6(extra=IPv6ExtHdrRouting(type=0, addresses=["2001:db8::99"], segleft=1)),
            Drop("EXT_HEADER"),
        ),
    ),
    Case(
        "hop-by-hop options that are not the first header",
        Send(tcp6(extra=padded(4) / IPv6ExtHdrHopByHop()), Drop("EXT_HEADER")),
    ),
    Case(
        "two fragment headers",
        Send(tcp6(extra=IPv6ExtHdrFragment() / IPv6ExtHdrFragment()), Drop("EXT_HEADER")),
    ),
    Case(
        "options longer than the packet",
        Send(patched(tcp6(extra=padded(4)), EXT_LEN_AT, b"\x09"), Drop("EXT_HEADER")),
    ),
    Case(
        "options cut off by the frame",
        Send(bytes(ip6(nh=60, plen=2)) + b"\x06\x00", Drop("EXT_HEADER")),
    ),
    Case("no next header", Send(ip6(nh=59) / b"", Drop("PROTOCOL"))),
    Case("an unknown protocol", Send(ip6(nh=253) / b"tunnel", Drop("PROTOCOL"))),
]

KERNEL = [
    Case("OSPF to all routers", Send(ip6("fe80::1", "ff02::5", nh=OSPF) / b"hello", Punt("OSPF"))),
    Case("OSPF to the host", Send(ip6("fe80::1", "fe80::2", nh=OSPF) / b"dd", Punt("OSPF"))),
    Case(
        "a neighbour asks for us",
        Send(ip6("fe80::1", "ff02::1:ff00:2") / ICMPv6ND_NS(tgt="fe80::2"), Punt("ARP")),
    ),
    Case(
        "a neighbour answers us",
        Send(ip6("fe80::1", "fe80::2") / ICMPv6ND_NA(tgt="fe80::1"), Punt("ARP")),
    ),
    Case(
        "a neighbour probes whether a local address is still there",
        Send(ip6("fe80::1", LOCAL6[0], hlim=255) / ICMPv6ND_NS(tgt=LOCAL6[0]), Punt("ARP")),
    ),
    Case(
        "a probe from beyond the link",
        Send(ip6(dst=LOCAL6[0], hlim=254) / ICMPv6ND_NS(tgt=LOCAL6[0]), Drop("ICMP")),
    ),
    Case(
        "a probe for a VIP, which no kernel answers for",
        Send(ip6(dst=VIP6, hlim=255) / ICMPv6ND_NS(tgt=VIP6), Drop("ICMP")),
    ),
    Case("TCP to the host", Send(tcp6(dst=OWN6, dport=22), Punt("OTHER"))),
    Case("UDP to a group", Send(udp6(dst="ff02::fb", dport=5353), Punt("OTHER"))),
    Case(
        "an echo request to the host",
        Send(ip6(dst=OWN6) / ICMPv6EchoRequest(id=1, seq=2, data=b"ping"), Punt("OTHER")),
    ),
    Case(
        "to a VIP in a frame for a group",
        Send(patched(tcp6(), 0, b"\x33\x33\0\0\0\1"), Drop("NOT_FOR_US")),
    ),
]

ECHO = [
    Case(
        f"an echo request to {what}",
        Send(ip6(dst=dst, hlim=3) / ICMPv6EchoRequest(id=1, seq=2, data=b"ping"), EchoReply()),
    )
    for what, dst in (("a VIP", VIP6), ("a local address", LOCAL6[0]))
] + [
    Case("an echo reply", Send(ip6() / ICMPv6EchoReply(id=1), Drop("ICMP"))),
    Case(
        "an echo request from a group",
        Send(ip6("ff02::1") / ICMPv6EchoRequest(), Drop("BAD_SOURCE")),
    ),
    Case("an ICMPv6 message cut short", Send(ip6(nh=58, plen=4) / b"\x80\0\0\0", Drop("L4_SHORT"))),
    Case(
        "IPv4's protocol in IPv6",
        Send(ip6(nh=1) / b"\x08\x00\xf7\xff" / bytes(4), Drop("PROTOCOL")),
    ),
]

SOURCES = [
    Case(f"a client cannot be {source}", Send(tcp6(src=source), Drop("BAD_SOURCE")), Sessions(0))
    for source in ("::", "::1", "::ffff:1.2.3.4", "::1.2.3.4", "ff02::1", "fe80::9", VIP6, OWN6)
] + [Case("nor a local address", Send(tcp6(src=LOCAL6[1]), Drop("BAD_SOURCE")))]

CASES = [
    *SESSIONS,
    *HOPS,
    *LENGTHS,
    *EXTENSIONS,
    *KERNEL,
    *ECHO,
    *SOURCES,
]
