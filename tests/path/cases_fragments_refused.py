# SPDX-License-Identifier: BSD-3-Clause
"""Fragments that wait, overlap, are malformed, the kernel's, or of no session."""

from case import Back, Case, Change, Drop, HandTo, Punt, Send, Sessions, ToClient, ToRs, Wait
from cases_fragments import BIG, FIRST, LAST, LENGTH, SECOND, echo, echo6
from fragments import Datagram, Lost, Piece, Waiting, backwards
from packets.frames import (
    ACK,
    FIN_ACK,
    LOCAL,
    LOCAL6,
    OWN,
    OWN6,
    RS_UDP,
    SYN,
    VIP_EMPTY,
    VS_UDP,
    ip,
    ip6,
    patched,
    tcp,
    tcp6,
    udp,
    udp6,
)
from scapy.layers.inet6 import IPv6ExtHdrFragment
from scapy.packet import Packet
from values import Op


def later6(dst: str) -> Packet:
    """A later fragment."""
    return ip6(dst=dst) / IPv6ExtHdrFragment(nh=17, offset=3, m=1, id=7) / bytes(16)


WAITING = [
    Case(
        "a later one waits for the first",
        Piece(udp(BIG), LAST, "HELD"),
        Waiting(1),
        Sessions(0),
        Piece(udp(BIG), FIRST, "TX", ["TX"]),
        Waiting(0),
        Piece(udp(BIG), SECOND, "TX"),
    ),
    Case(
        "those that wait go on in the order in which they came",
        Piece(udp(BIG), LAST, "HELD"),
        Piece(udp(BIG), SECOND, "HELD"),
        Piece(udp(BIG), FIRST, "TX", ["TX", "TX"]),
    ),
    Case(
        "in vain, for 2 seconds",
        Piece(udp(BIG), SECOND, "HELD"),
        Wait(1),
        Piece(udp(BIG), LAST, "HELD"),
        Wait(0.9),
        Waiting(2),
        Wait(0.1),
        Waiting(0),
        Lost("FRAGMENT_TIMEOUT", 2),
        Sessions(0),
    ),
    Case(
        "after 2 seconds nothing is known of the datagram",
        Piece(udp(BIG), FIRST, "TX"),
        Piece(udp(BIG), SECOND, "TX"),
        Wait(2),
        Piece(udp(BIG), LAST, "HELD"),
        Wait(2),
        Lost("FRAGMENT_TIMEOUT"),
    ),
    Case(
        "datagrams of one identification are told apart",
        Piece(udp(BIG), SECOND, "HELD"),
        Piece(udp(BIG, src="203.0.113.77"), FIRST, "TX"),
        Piece(udp(BIG, dst="10.96.0.99"), FIRST, "DROP NOT_FOR_US"),
        Piece(tcp(payload=BIG), FIRST, "TX"),
        Piece(udp(BIG), FIRST, "TX", ident=78),
        Waiting(1),
        Piece(udp(BIG), FIRST, "TX", ["TX"]),
    ),
]


OVERLAPS = [
    Case(
        "a fragment that comes twice is dropped once",
        Piece(udp(BIG), FIRST, "TX"),
        Piece(udp(BIG), FIRST, "DROP FRAGMENT_OVERLAP"),
        Piece(udp(BIG), SECOND, "TX"),
        Piece(udp(BIG), SECOND, "DROP FRAGMENT_OVERLAP"),
        Piece(udp(BIG), LAST, "TX"),
        Sessions(1),
    ),
    Case(
        "so is one that lies within several, and one that waits",
        Piece(udp(BIG), SECOND, "HELD"),
        Piece(udp(BIG), LAST, "HELD"),
        Piece(udp(BIG), (1400, LENGTH), "DROP FRAGMENT_OVERLAP"),
        Piece(udp(BIG), SECOND, "DROP FRAGMENT_OVERLAP"),
        Piece(udp(BIG), (1408, 1416), "DROP FRAGMENT_OVERLAP"),
        Piece(udp(BIG), FIRST, "TX", ["TX", "TX"]),
    ),
    *(
        Case(
            f"one that overlaps {name} condemns the datagram, for 2 seconds",
            Piece(udp(BIG), FIRST, "TX"),
            Piece(udp(BIG), LAST, "TX"),
            Piece(udp(BIG), place, "DROP FRAGMENT_OVERLAP"),
            Piece(udp(BIG), SECOND, "DROP FRAGMENT_OVERLAP"),
            Wait(2),
            Piece(udp(BIG), FIRST, "TX"),
        )
        for name, place in (
            ("the first", (1392, 2800)),
            ("the last", (1400, 2808)),
            ("both, and what is between", (1392, 2808)),
        )
    ),
    Case(
        "those that wait are condemned too",
        Piece(udp(BIG), SECOND, "HELD"),
        Piece(udp(BIG), (0, 1408), "DROP FRAGMENT_OVERLAP"),
        Lost("FRAGMENT_OVERLAP"),
        Waiting(0),
        Piece(udp(BIG), FIRST, "DROP FRAGMENT_OVERLAP"),
        Sessions(0),
    ),
    *(
        Case(
            f"the end is contradicted by {name}",
            Piece(udp(BIG), FIRST, "TX"),
            Piece(udp(BIG), (1408, 1416), "TX", end=1416),
            Piece(udp(BIG), place, "DROP FRAGMENT_OVERLAP", end=end),
            Piece(udp(BIG), (1400, 1408), "DROP FRAGMENT_OVERLAP"),
        )
        for name, place, end in (
            ("one behind it", (1416, 1424), 0),
            ("one far behind it", (2000, 2008), 0),
            ("another end", (2000, 2008), 2008),
        )
    ),
    Case(
        "the end is before what has come",
        Piece(udp(BIG), FIRST, "TX"),
        Piece(udp(BIG), (2000, 2008), "TX"),
        Piece(udp(BIG), (1400, 1408), "DROP FRAGMENT_OVERLAP", end=1408),
        Piece(udp(BIG), (1408, 2000), "DROP FRAGMENT_OVERLAP"),
    ),
    Case(
        "one that lies within what has come contradicts nothing",
        Piece(udp(BIG), FIRST, "TX"),
        Piece(udp(BIG), (8, 16), "DROP FRAGMENT_OVERLAP", end=16),
        Piece(udp(BIG), SECOND, "TX"),
    ),
    Case(
        "behind a datagram that is whole another of its name may begin",
        *(Piece(udp(BIG), place, "TX") for place in (FIRST, SECOND, LAST)),
        Piece(udp(BIG), LAST, "HELD"),
        Piece(udp(BIG), FIRST, "TX", ["TX"]),
        Piece(udp(BIG), LAST, "DROP FRAGMENT_OVERLAP"),
        Piece(udp(BIG), SECOND, "TX"),
        Sessions(1),
    ),
    Case(
        "and lives for 2 seconds of its own",
        *(Piece(udp(BIG), place, "TX") for place in (FIRST, SECOND, LAST)),
        Wait(1),
        Piece(udp(BIG), FIRST, "TX"),
        Wait(1),
        Piece(udp(BIG), SECOND, "TX"),
        Wait(1),
        Piece(udp(BIG), LAST, "HELD"),
        Wait(2),
        Lost("FRAGMENT_TIMEOUT"),
    ),
    Case(
        "not behind one that is condemned",
        *(Piece(udp(BIG), place, "TX") for place in (FIRST, LAST)),
        Piece(udp(BIG), (1392, 2800), "DROP FRAGMENT_OVERLAP"),
        *(Piece(udp(BIG), place, "DROP FRAGMENT_OVERLAP") for place in (SECOND, FIRST)),
    ),
    Case(
        "16 ranges",
        Piece(udp(BIG), FIRST, "TX"),
        *(Piece(udp(BIG), (at, at + 8), "TX") for at in range(1408, 1648, 16)),
        Piece(udp(BIG), (1400, 1408), "TX"),
        Piece(udp(BIG), (1656, 1664), "TX"),
    ),
    Case(
        "a 17th range",
        Piece(udp(BIG), FIRST, "TX"),
        *(Piece(udp(BIG), (at, at + 8), "TX") for at in range(1408, 1648, 16)),
        Piece(udp(BIG), (1648, 1656), "DROP FRAGMENT_LIMIT"),
        Piece(udp(BIG), (1400, 1408), "DROP FRAGMENT_LIMIT"),
    ),
    Case(
        "a 17th range while they wait",
        *(Piece(udp(BIG), (at, at + 8), "HELD") for at in range(1408, 1664, 16)),
        Piece(udp(BIG), (1664, 1672), "DROP FRAGMENT_LIMIT"),
        Lost("FRAGMENT_LIMIT", 16),
    ),
]


REFUSED = [
    Case("a first fragment without data", Piece(udp(BIG), (0, 0), "DROP L4_SHORT", end=1)),
    Case("a tiny first fragment of TCP", Piece(tcp(payload=BIG), (0, 16), "DROP L4_SHORT")),
    Case(
        "a first fragment that ends in TCP's options",
        Piece(tcp(options=[("MSS", 1460), ("NOP", 0)] * 2, payload=BIG), (0, 24), "DROP L4_SHORT"),
    ),
    Case("a tiny first fragment of ICMP", Piece(echo(), (0, 7), "DROP L4_SHORT")),
    Case("of ICMPv6", Piece(echo6(), (0, 7), "DROP L4_SHORT")),
    Case(
        "a UDP length that is less than its header",
        Piece(patched(udp(BIG), 38, b"\0\7"), FIRST, "DROP L4_SHORT"),
    ),
    *(
        Case(f"{kind}: {name}", Piece(packet, place, "DROP BAD_LENGTH", end=end))
        for kind, packet in (("IPv4", udp(BIG)), ("IPv6", udp6(BIG)))
        for name, place, end in (
            ("a first fragment that is no multiple of 8", (0, 1401), 0),
            ("a later fragment that is no multiple of 8", (1400, 2801), 0),
            ("a later fragment of nothing", (1400, 1400), 0),
            ("a last fragment of nothing", (1400, 1400), 1400),
        )
    ),
    *(
        Case(
            f"an {kind} fragment that ends behind 65,535",
            Piece(packet, LAST, "DROP BAD_LENGTH", change=change),
        )
        for kind, change, packet in (
            ("IPv4", lambda frame: patched(frame, 20, b"\x1f\xff"), udp(BIG)),
            ("IPv6", lambda frame: patched(frame, 56, b"\xff\xf8"), udp6(BIG)),
        )
    ),
    Case(
        "one that ends at 65,535",
        Piece(udp(BIG), (8, 15), "HELD", end=15, change=lambda f: patched(f, 20, b"\x1f\xff")),
        Wait(2),
        Lost("FRAGMENT_TIMEOUT"),
    ),
    Case("a fragment to somebody else", Send(udp(dst="10.1.2.3", frag=9), Drop("NOT_FOR_US"))),
    Case(
        "a fragment in a frame for a group",
        Send(patched(udp(BIG[:8], frag=9), 0, b"\xff" * 6), Drop("NOT_FOR_US")),
    ),
    Case("a fragment of what is not balanced", Send(ip(proto=47, frag=9) / b"x", Drop("FRAGMENT"))),
    *(
        Case(
            f"extension headers behind the fragment header, {name}",
            Send(
                ip6()
                / IPv6ExtHdrFragment(nh=60, offset=offset, m=1, id=7)
                / (b"\x11\0" + bytes(14)),
                Drop("FRAGMENT"),
            ),
        )
        for name, offset in (("first", 0), ("later", 3))
    ),
]


KERNEL = [
    Case(f"{name}, for the kernel", Send(packet, Punt(kind)))
    for name, packet, kind in (
        ("a first fragment to the host", udp(dst=OWN, flags="MF"), "OTHER"),
        ("a tiny one", ip(dst=OWN, proto=6, flags="MF") / b"x", "OTHER"),
        ("a later one of nothing", ip(dst=OWN, proto=6, frag=5), "OTHER"),
        ("one to the host's IPv6 address", later6(dst=OWN6), "OTHER"),
        ("one to a group", udp(dst="224.0.0.251", frag=5), "OTHER"),
        ("one to an IPv6 group", later6(dst="ff02::fb"), "OTHER"),
        ("one of OSPF", ip("192.0.2.1", "224.0.0.5", proto=89, frag=5) / b"x", "OSPF"),
    )
]


SESSIONS = [
    Case(
        f"without a session: {name}",
        Piece(packet, FIRST, f"DROP {reason}"),
        Piece(packet, SECOND, f"DROP {later}"),
        Sessions(0),
    )
    for name, reason, later, packet in (
        ("no VS", "NO_VS", "NO_VS", udp(BIG, dport=81)),
        ("no RS", "NO_RS", "NO_SESSION", tcp(payload=BIG, dst=VIP_EMPTY)),
        ("no SYN", "NOT_SYN", "NO_SESSION", tcp(ACK, BIG)),
        ("nobody's address", "BAD_SOURCE", "NO_SESSION", udp(BIG, src="127.0.0.1")),
        ("a local address", "NO_SESSION", "NO_SESSION", udp(BIG, dst=LOCAL[1])),
        ("an IPv6 one", "NO_SESSION", "NO_SESSION", tcp6(ACK, BIG, dst=LOCAL6[1])),
    )
] + [
    Case(
        "TTL 1: the sender is told of the first one only",
        Piece(udp(BIG, ttl=1), FIRST, "TX", told="TTL"),
        Piece(udp(BIG, ttl=1), SECOND, "DROP NO_SESSION"),
        Sessions(0),
    ),
    Case(
        "later fragments change no state",
        Send(tcp(), ToRs()),
        Send(Back(), ToClient()),
        Datagram(tcp(SYN, bytes(40)), ToRs(), step=40),
        Sessions(1, "TCP_SYN_RECV"),
    ),
    Case(
        "a first fragment does",
        Send(tcp(), ToRs()),
        Send(Back(), ToClient()),
        Datagram(tcp(FIN_ACK, BIG), ToRs(), order=backwards),
        Sessions(1, "TCP_FIN_WAIT"),
    ),
    Case(
        "fragments keep a session alive",
        Send(udp(), ToRs()),
        Wait(29),
        Piece(udp(BIG), FIRST, "TX"),
        Wait(1.5),
        Piece(udp(BIG), SECOND, "TX"),
        Wait(29),
        Sessions(1),
        Wait(1.5),
        Sessions(0),
    ),
    Case(
        "a later fragment does not leave a removed RS",
        Datagram(udp(BIG), ToRs()),
        Piece(udp(BIG), FIRST, "TX", ident=80),
        Change([Op("RS_DEL", VS_UDP, RS_UDP), Op("RS_ADD", VS_UDP, "10.10.0.2:5353")]),
        Piece(udp(BIG), SECOND, "TX", ident=80, counted=False),
        Sessions(1),
        Datagram(udp(BIG), ToRs("10.10.0.2", anew=True), ident=81),
        Sessions(1),
    ),
]


OWNER = [
    Case(
        "a fragment for a local address goes to its owner",
        Send(udp(BIG[:8], dst=LOCAL[1], frag=9), HandTo(1)),
        Send(later6(dst=LOCAL6[0]), HandTo(0), worker=1),
    ),
]

CASES = [*WAITING, *OVERLAPS, *REFUSED, *KERNEL, *SESSIONS, *OWNER]
