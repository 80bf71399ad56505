# SPDX-License-Identifier: BSD-3-Clause
"""Fragments: each goes on alone, with the ports of the first one."""

from collections.abc import Callable

from case import Back, Case, Change, Drop, Send, Sessions, ToClient, ToRs, Wait
from errors import Told
from fragments import Datagram, Piece, Ping, Split, backwards, first_last, shuffled
from packets.frames import (
    ACK,
    LOCAL,
    LOCAL6,
    RS,
    RS6,
    RS_UDP,
    SYN,
    VIP,
    VIP6,
    VIP46,
    VIP64,
    ip,
    ip6,
    patched,
    tcp,
    tcp6,
    udp,
    udp6,
    with_options,
)
from scapy.layers.inet import ICMP, UDP, IPOption_LSRR, IPOption_RR
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrHopByHop,
    PadN,
)
from scapy.packet import Packet
from values import Op

ROUTE = IPOption_RR(length=7, pointer=4, routers=["0.0.0.0"])
BIG = bytes(number % 251 for number in range(3000))
HUGE = bytes(number % 253 for number in range(60_000))
LENGTH = len(BIG) + 8  # of the datagram
UDP_CSUM_AT, UDP6_CSUM_AT, IP_CSUM_AT = 40, 60, 24
FIRST, SECOND, LAST = (0, 1400), (1400, 2800), (2800, LENGTH)


def udp64(payload: bytes = BIG, **fields: object) -> Packet:
    """A datagram of an IPv6 client for IPv4 servers."""
    return udp6(payload, dst=VIP64, **fields)


def udp46(payload: bytes = BIG, **fields: object) -> Packet:
    """A datagram of an IPv4 client for IPv6 servers."""
    return udp(payload, dst=VIP46, **fields)


def behind(*headers: object, dst: str = VIP6) -> Packet:
    """An IPv6 datagram behind extension headers."""
    packet = ip6(dst=dst)
    for header in headers:
        packet = packet / header
    return packet / UDP(sport=40000, dport=53) / BIG


def bare(packet: Packet, at: int) -> bytes:
    """The packet without a UDP checksum, given its place."""
    return patched(packet, at, b"\0\0")


def wrong_header(frame: bytes) -> bytes:
    """The IPv4 frame with a wrong header checksum."""
    return patched(frame, IP_CSUM_AT, b"\x12\x34")


def echo(dst: str = VIP) -> Packet:
    """An echo request."""
    return ip(dst=dst) / ICMP(id=1, seq=2) / BIG


def echo6(dst: str = VIP6) -> Packet:
    """An ICMPv6 echo request."""
    return ip6(dst=dst) / ICMPv6EchoRequest(id=1, seq=2, data=BIG)


OPTIONS = (IPv6ExtHdrHopByHop(), IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(12))]))
WAYS: dict[str, tuple[Callable[..., Packet], str]] = {
    "44": (udp, RS),
    "66": (udp6, RS6),
    "64": (udp64, RS),
    "46": (udp46, RS6),
}
ORDERS = {
    "in order": list,
    "backwards": backwards,
    "the first one last": first_last,
    "shuffled": shuffled,
}

UDP_BOTH_WAYS = [
    Case(
        f"{way}: a datagram and its answer, {name}",
        Datagram(make(BIG), ToRs(rs), order=order),
        Sessions(1, "UDP_ONEWAY"),
        Datagram(Back(payload=BIG[1:]), ToClient(), order=order),
        Sessions(1, "UDP_REPLIED"),
    )
    for way, (make, rs) in WAYS.items()
    for name, order in ORDERS.items()
]

TCP_BOTH_WAYS = [
    Case(
        f"{way}: a connection whose segments come in fragments",
        Datagram(make(SYN, bytes(40)), ToRs(rs), step=40),
        Sessions(1, "TCP_SYN_SENT"),
        Datagram(Back(payload=bytes(50)), ToClient(), step=24, order=backwards),
        Sessions(1, "TCP_SYN_RECV"),
        Datagram(make(ACK, BIG), ToRs(rs), order=backwards),
        Sessions(1, "TCP_ESTABLISHED"),
        Datagram(Back(ACK, BIG), ToClient(), order=shuffled),
    )
    for way, make, rs in (
        ("44", tcp, RS),
        ("66", tcp6, RS6),
        ("64", lambda bits, data: tcp6(bits, data, dst=VIP64), RS),
        ("46", lambda bits, data: tcp(bits, data, dst=VIP46), RS6),
    )
]

SIZES = [
    *(
        Case(
            f"{way}: 60 KB, {name}",
            Datagram(make(HUGE), ToRs(rs), order=order),
            Datagram(Back(payload=HUGE), ToClient(), order=order),
        )
        for way, (make, rs) in WAYS.items()
        for name, order in (("in order", list), ("backwards", backwards))
    ),
    Case("the smallest fragments", Datagram(udp(bytes(80)), ToRs(), step=8, order=first_last)),
    Case("the longest datagram", Datagram(udp(bytes(65507)), ToRs(), step=1480)),
    Case("of one burst", Datagram(udp(BIG), ToRs(), burst=True)),
    Case("of one burst, backwards", Datagram(udp(BIG), ToRs(), burst=True, order=backwards)),
    Case("in segments", Datagram(udp(BIG), ToRs(), segments=3, order=backwards)),
    Case("in segments, to another family", Datagram(udp46(), ToRs(RS6), segments=3)),
    Case(
        "a first fragment whose L4 header lies in the second segment",
        Send(udp(bytes(80), flags="MF"), Drop("MULTI_SEGMENT"), segments=3),
    ),
]

HEADERS = [
    Case(
        "IPv4 options",
        Datagram(with_options(udp(BIG), ROUTE), ToRs()),
    ),
    Case(
        "IPv4 options are lost between the families",
        Datagram(with_options(udp46(), ROUTE), ToRs(RS6)),
    ),
    Case(
        "source routing between the families",
        Piece(
            with_options(udp46(), IPOption_LSRR(routers=["192.0.2.9"])),
            FIRST,
            "DROP UNTRANSLATABLE",
            counted=True,
        ),
        Sessions(1),
    ),
    *(
        Case(f"{name}, {order.__name__}", Datagram(packet, ToRs(rs), order=order))
        for order in (list, backwards)
        for name, packet, rs in (
            ("one IPv6 extension header", behind(OPTIONS[0]), RS6),
            ("two of them", behind(*OPTIONS), RS6),
            ("two that IPv4 does not have", behind(*OPTIONS, dst=VIP64), RS),
        )
    ),
    Case(
        "a wrong IPv4 header checksum goes on as it is",
        Piece(udp(BIG), FIRST, "TX", change=wrong_header),
    ),
    Case(
        "a wrong one is not translated to the other family",
        Piece(udp46(), FIRST, "DROP UNTRANSLATABLE", change=wrong_header, counted=True),
        Sessions(1),
    ),
    Case(
        "each fragment has its own time to live",
        Piece(udp(BIG, ttl=2), FIRST, "TX"),
        Piece(udp(BIG, ttl=1), SECOND, "DROP TTL", counted=True),
        Piece(udp(BIG, ttl=2), LAST, "TX"),
    ),
    Case(
        "do-not-fragment on a fragment stays",
        Piece(udp(BIG), FIRST, "TX", change=lambda frame: patched(frame, 20, b"\x60\0")),
    ),
]

CHECKSUMS = [
    Case(
        "without a checksum, within IPv4",
        Datagram(udp(BIG, chksum=0), ToRs()),
        Datagram(Back(payload=BIG, change=lambda p: bare(p, UDP_CSUM_AT)), ToClient()),
    ),
    Case("without a checksum, within IPv6", Datagram(bare(udp6(BIG), UDP6_CSUM_AT), ToRs(RS6))),
    Case("a wrong checksum stays as wrong", Datagram(udp(BIG, chksum=0x1234), ToRs())),
    Case(
        "no fragment of a datagram without a checksum becomes IPv6",
        Piece(udp46(chksum=0), SECOND, "HELD"),
        Piece(udp46(chksum=0), FIRST, "DROP UNTRANSLATABLE", ["DROP UNTRANSLATABLE"], counted=True),
        Piece(udp46(chksum=0), LAST, "DROP UNTRANSLATABLE", counted=True),
    ),
    Case(
        "nor IPv4, where it should have had one",
        Piece(bare(udp64(), UDP6_CSUM_AT), FIRST, "DROP UNTRANSLATABLE", counted=True),
        Piece(bare(udp64(), UDP6_CSUM_AT), SECOND, "DROP UNTRANSLATABLE", counted=True),
    ),
]


ONE_PACKET = [
    Case(
        name,
        Change([Op("VS_ADD", vs, one_packet=True), Op("RS_ADD", vs, rs)]),
        Datagram(packet, to, order=order),
        Sessions(1, "UDP_ONEWAY"),
        *steps,
        Sessions(0),
    )
    for vip, rs, make, to in (
        ("10.96.0.99", RS_UDP, udp, ToRs()),
        ("[2001:db8:96::99]", f"[{RS6}]:5353", udp6, ToRs(RS6)),
    )
    for vs, packet in ((f"{vip}:53/udp", make(BIG, dst=vip.strip("[]"))),)
    for name, order, steps in (
        (
            f"{vip}: a one-packet question in fragments, answered in one piece",
            list,
            (Datagram(Back(payload=b"yes"), ToClient()),),
        ),
        (
            f"{vip}: an answer in fragments leaves it to its time-out",
            backwards,
            (
                Datagram(Back(payload=BIG), ToClient(), order=backwards),
                Sessions(1, "UDP_REPLIED"),
                Wait(59),
                Sessions(1),
                Wait(1.5),
            ),
        ),
    )
]

ECHO = [
    Case(f"a ping to {name}, {how}", Ping(packet, ORDERS[how], workers=(0, 1)))
    for how in ("in order", "backwards", "shuffled")
    for name, packet in (
        ("a VIP", echo()),
        ("a local address", echo(LOCAL[1])),
        ("an IPv6 VIP", echo6()),
        ("an IPv6 local address", echo6(LOCAL6[0])),
    )
] + [
    Case(
        f"{name} in fragments",
        Piece(packet, SECOND, "HELD"),
        Piece(packet, FIRST, f"DROP {reason}", [f"DROP {reason}"]),
    )
    for name, packet, reason in (
        ("an echo reply", ip() / ICMP(type=0) / BIG, "ICMP"),
        ("an ICMP error", ip() / ICMP(type=3, code=3) / bytes(udp(BIG).payload), "ICMP"),
        ("a ping from nowhere", ip(src="0.0.0.0") / ICMP() / BIG, "BAD_SOURCE"),
        ("a ping from ourselves", ip(src=VIP) / ICMP() / BIG, "BAD_SOURCE"),
        ("an error from nowhere", ip(src="0.0.0.0") / ICMP(type=3) / BIG, "BAD_SOURCE"),
    )
]

WORKERS = [
    Case(
        f"{way}: fragments that arrive on both workers, {name}",
        Datagram(make(BIG), ToRs(rs), order=order, workers=workers),
        Datagram(Back(payload=BIG), ToClient(), order=order, workers=workers),
    )
    for way, (make, rs) in WAYS.items()
    for name, order, workers in (
        ("in order", list, (0, 1)),
        ("backwards", backwards, (0, 1)),
        ("shuffled", shuffled, (1, 1, 0)),
    )
] + [
    Case(
        "the session of a whole packet is found, whoever has it",
        Send(udp(), ToRs(), worker=0),
        Datagram(udp(BIG), ToRs(), workers=(0, 1)),
        Send(udp(sport=40001), ToRs(), worker=1),
        Datagram(udp(BIG, sport=40001), ToRs(), workers=(0, 1)),
        Sessions(2),
    ),
]

OWN_CLIENT = [
    Case(
        "an RS that is its own service's client",
        Datagram(udp(BIG, src=RS), ToRs(), order=backwards),
        Datagram(Back(payload=BIG), ToClient()),
        Sessions(1, "UDP_REPLIED"),
    ),
]

SPLIT = [
    Case(f"46: {name}", Split(packet, ToRs(RS6), 1500))
    for name, packet in (
        ("one byte more than fits into IPv6", udp46(bytes(1453))),
        ("what fills the MTU of IPv4", udp46(BIG[:1472])),
        ("TCP", tcp(SYN, BIG[:1460], dst=VIP46)),
        ("without a checksum", udp46(BIG[:1471], chksum=0)),
        ("with the reserved flag", udp46(BIG[:1472], flags="evil")),
        ("with IPv4 options", with_options(udp46(BIG[:1464]), ROUTE)),
    )
] + [
    Case("46: in segments", Split(udp46(BIG[:1472]), ToRs(RS6), 1500, segments=4)),
    Case(
        "46: fragments that are too long, in both directions",
        Datagram(udp46(HUGE), ToRs(RS6), step=1480, mtu=1500),
        Datagram(Back(payload=HUGE), ToClient(), step=1448),
    ),
    Case(
        "46: fragments that are too long, backwards",
        Datagram(udp46(BIG), ToRs(RS6), step=1480, mtu=1500, order=backwards),
    ),
    Case(
        "64: answers that are too long",
        Send(udp64(b"?"), ToRs(RS)),
        Split(Back(payload=BIG[:1472]), ToClient(), 1500),
    ),
    Case(
        "46: what may not be fragmented",
        Send(udp46(bytes(1453), flags="DF"), Told("MTU", 1480, session="in")),
    ),
    Case(
        "an IPv6 packet that is too long for IPv6",
        Send(udp6(bytes(1453)), Told("MTU", 1500, session="in")),
    ),
]

CASES = [
    *UDP_BOTH_WAYS,
    *TCP_BOTH_WAYS,
    *SIZES,
    *HEADERS,
    *CHECKSUMS,
    *ONE_PACKET,
    *ECHO,
    *WORKERS,
    *OWN_CLIENT,
    *SPLIT,
]
