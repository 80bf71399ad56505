# SPDX-License-Identifier: BSD-3-Clause
"""ICMP errors about a session's packets reach who sent the packet, and quote what that one sent."""

from typing import TypeVar

from case import IN, OUT, Back, Case, Drop, HandTo, Reroute, Send, Sessions, ToClient, ToRs, Wait
from cases_forwarding import NOWHERE, OVER_PORT_1, UNRESOLVED
from cases_translation import tcp46, tcp64, udp46, udp64
from errors import Error, ToSender, ip_of, message
from packets.frames import (
    ACK,
    GATEWAY,
    LOCAL,
    LOCAL6,
    RS,
    RS6,
    ip,
    ip6,
    patched,
    tcp,
    tcp6,
    udp,
    udp6,
)
from scapy.layers.inet import IP
from scapy.layers.inet6 import (
    IPv6,
)
from scapy.packet import Packet

NO_HOST, NO_PORT, TOO_BIG, TIME = (3, 1), (3, 3), (3, 4), (11, 0)
NO_HOST6, NO_PORT6, TOO_BIG6, TIME6 = (1, 3), (1, 4), (2, 0), (3, 0)
POINTER, POINTER6 = (12, 0), (4, 0)
OTHER_MAC = "aa:aa:aa:00:00:fe"

T = TypeVar("T")
# Client's packet with and without data, RS, whether the client's side and the RS's are IPv6.
WAYS: dict[str, tuple[Packet, Packet, str, bool, bool]] = {
    "TCP": (tcp(), tcp(ACK, b"GET /"), RS, False, False),
    "UDP": (udp(), udp(b"more"), RS, False, False),
    "TCP6": (tcp6(), tcp6(ACK, b"GET /"), RS6, True, True),
    "UDP6": (udp6(), udp6(b"more"), RS6, True, True),
    "TCP64": (tcp64(), tcp64(ACK, b"GET /"), RS, True, False),
    "UDP64": (udp64(), udp64(b"more"), RS, True, False),
    "TCP46": (tcp46(), tcp46(ACK, b"GET /"), RS6, False, True),
    "UDP46": (udp46(), udp46(b"more"), RS6, False, True),
}


def opened(way: str, rs: str = "") -> list[Send]:
    """A session with a packet of both ends, answers long enough for every cut."""
    first, _, server, _, _ = WAYS[way]
    return [Send(first, ToRs(rs or server)), Send(Back(payload=b"x" * 900), ToClient())]


def sides(about: str) -> list[tuple[str, bool, bool]]:
    """Every way with the family of the error and that of the end it is for."""
    return [
        (way, rs6 if about == IN else client6, client6 if about == IN else rs6)
        for way, (_, _, _, client6, rs6) in WAYS.items()
    ]


def each(v4: T, v6: T, is_v6: bool) -> T:
    """One of two, by the family."""
    return v6 if is_v6 else v4


NAMES = {IN: "a client's packet", OUT: "an answer"}

# What every family has, in the words of each: error, and MTU or pointer.
EVERYWHERE = [
    ("port unreachable", (NO_PORT, 0), (NO_PORT6, 0)),
    ("time exceeded", (TIME, 0), (TIME6, 0)),
    ("too big", (TOO_BIG, 1380), (TOO_BIG6, 1400)),
    ("a wrong hop limit", (POINTER, 8 << 24), (POINTER6, 7)),
]

ALL = [
    Case(
        f"{what} about {NAMES[about]}, {way}",
        *opened(way),
        Send(
            Error(*each(v4, v6, from_v6), about=about),
            ToSender(*each(v4, v6, to_v6)),
        ),
        Sessions(1),
    )
    for about in (IN, OUT)
    for way, from_v6, to_v6 in sides(about)
    for what, v4, v6 in EVERYWHERE
]


def wrong_tcp(packet: bytes) -> bytes:
    """A quoted TCP checksum one too high, which is also how it must come out."""
    return patched(packet, 36, (int.from_bytes(packet[36:38], "big") + 1).to_bytes(2, "big"))


CHECKSUMS = [
    *(
        Case(
            f"{what}, {way}",
            *opened(way),
            Send(
                Error(
                    each(NO_PORT, NO_PORT6, is_v6),
                    after=lambda f, at=at: patched(f, at, bytes([f[at] ^ 1])),
                ),
                Drop("BAD_CHECKSUM"),
            ),
        )
        for way, is_v6, icmp_at in (("UDP", False, 34), ("UDP6", True, 54))
        for what, at in (
            ("a wrong checksum", icmp_at + 2),
            ("a changed code", icmp_at + 1),
            ("a changed quotation", icmp_at + 30),
        )
    ),
    Case(
        "an IPv6 address that the checksum is not of",
        *opened("UDP6"),
        Send(Error(NO_PORT6, after=lambda f: patched(f, 22, b"\x20\x02")), Drop("BAD_CHECKSUM")),
    ),
    *(
        Case(
            f"a quoted UDP checksum of 0 stays, {way}",
            *opened(way),
            Send(
                Error(
                    each(NO_PORT, NO_PORT6, from_v6),
                    change=lambda q, at=46 if from_v6 else 26: patched(q, at, b"\0\0"),
                ),
                ToSender(each(NO_PORT, NO_PORT6, to_v6), quoted=lambda l4: patched(l4, 6, b"\0\0")),
            ),
        )
        for way, from_v6, to_v6 in sides(IN)
        if way.startswith("UDP")
    ),
    Case(
        "a quoted TCP checksum stays as wrong",
        *opened("TCP"),
        Send(
            Error(NO_HOST, change=wrong_tcp),
            ToSender(quoted=lambda l4: wrong_tcp(bytes(20) + l4)[20:]),
        ),
    ),
    Case(
        "a quoted IPv4 header checksum stays as wrong",
        *opened("TCP"),
        Send(
            Error(NO_HOST, change=lambda q: patched(q, 8, bytes([q[8] - 1]))),
            ToSender(),
        ),
    ),
    Case(
        "a quoted IPv4 header checksum is not looked at for IPv6",
        *opened("TCP64"),
        Send(Error(NO_PORT, change=lambda q: patched(q, 10, b"\x12\x34")), ToSender(NO_PORT6)),
    ),
]


LENGTHS = [
    Case(
        "an ICMPv6 error is cut to 1,280 bytes",
        Send(udp46(), ToRs(RS6)),
        Send(Back(payload=b"x" * 1400), ToClient()),
        Send(Error(NO_PORT, about=OUT), ToSender(NO_PORT6)),
        Send(Error(NO_PORT, about=OUT, size=20 + 1192), ToSender(NO_PORT6)),
        Send(Error(NO_PORT, about=OUT, size=20 + 1193), ToSender(NO_PORT6)),
    ),
    Case(
        "what is cut off may lie in other segments",
        Send(udp46(), ToRs(RS6)),
        Send(Back(payload=b"x" * 1400), ToClient()),
        *(Send(Error(NO_PORT, about=OUT), ToSender(NO_PORT6), segments=n) for n in (2, 3, 7, 16)),
    ),
    *(
        Case(
            f"the checksum is over all segments, {way}",
            *opened(way),
            *(Send(Error(kind, about=OUT), ToSender(), segments=n) for n in (2, 3, 5)),
            *(
                Send(
                    Error(kind, about=OUT, after=lambda f: f[:-1] + b"y"),
                    Drop("BAD_CHECKSUM"),
                    segments=n,
                )
                for n in (2, 3, 5)
            ),
        )
        for way, kind in (("UDP", NO_PORT), ("UDP6", NO_PORT6))
    ),
    Case(
        "what would be changed must lie in the first segment",
        *opened("TCP"),
        Send(Error(NO_HOST), Drop("MULTI_SEGMENT"), segments=2),
        Send(Error(NO_HOST, size=28), Drop("MULTI_SEGMENT"), segments=2),
        Send(Error(NO_HOST, about=OUT), ToSender(), segments=10),
        Send(Error(NO_HOST, about=OUT), Drop("MULTI_SEGMENT"), segments=13),
    ),
    *(
        Case(
            f"bytes behind the error stay there, {way}",
            *opened(way),
            Send(
                Error(each(NO_PORT, NO_PORT6, from_v6), after=lambda f: f + b"pad"),
                ToSender(each(NO_PORT, NO_PORT6, to_v6)),
            ),
        )
        for way, from_v6, to_v6 in sides(IN)
        if way.startswith("UDP")
    ),
    *(
        Case(
            f"an error longer than the MTU makes no other, {way}",
            *opened(way),
            Send(Error(kind, change=lambda q: q + bytes(1440)), Drop("MTU")),
        )
        for way, kind in (("UDP", NO_PORT), ("UDP6", NO_PORT6))
    ),
]

WORKERS = [
    Case(
        "the owner of a local address gets the error",
        Send(udp(), ToRs(RS), worker=1),
        Send(Error(NO_PORT), HandTo(1), worker=0),
        Send(Error(NO_PORT), ToSender(), worker=1, handed=True),
        Send(Error(NO_PORT), ToSender(), worker=1),
    ),
    Case(
        "the same for IPv6",
        Send(udp6(), ToRs(RS6), worker=1),
        Send(Error(NO_PORT6), HandTo(1), worker=0),
        Send(Error(NO_PORT6), ToSender(), worker=1, handed=True),
    ),
    Case(
        "nobody but the owner can have the session",
        Send(udp(), ToRs(RS)),
        Wait(40),
        Send(Error(NO_PORT), HandTo(0), worker=1),
        Send(Error(NO_PORT), Drop("NO_SESSION"), worker=0, handed=True),
        Send(Error(NO_PORT), Drop("NO_SESSION"), worker=0),
        Send(Error(NO_PORT), Drop("NO_SESSION"), worker=1, handed=True),
    ),
    Case(
        "a bad error is not handed over",
        Send(udp(), ToRs(RS), worker=1),
        Send(Error(NO_PORT, after=lambda f: patched(f, 36, b"\0\0")), Drop("BAD_CHECKSUM")),
        Send(Error(NO_PORT, size=27), Drop("ICMP")),
    ),
]

FATES = [
    *(
        Case(
            f"TTL {ttl}, {way}",
            *opened(way),
            Send(
                Error(each(NO_PORT, NO_PORT6, is_v6), outer=lambda n, t=ttl: _hops(n, t)),
                ToSender(each(NO_PORT, NO_PORT6, to_v6)) if ttl > 1 else Drop("TTL"),
            ),
        )
        for way, is_v6, to_v6 in sides(IN)
        if way.startswith("UDP")
        for ttl in (0, 1, 2)
    ),
    Case(
        "an error that has nowhere to go",
        *opened("UDP"),
        Reroute(NOWHERE),
        Send(Error(NO_PORT), Drop("NO_ROUTE")),
    ),
    Case(
        "the next hop is asked for",
        *opened("UDP"),
        Reroute(UNRESOLVED),
        Send(Error(NO_PORT), Drop("NO_NEIGHBOUR", wanted=GATEWAY)),
    ),
    Case(
        "by the way that the session's packets go now",
        *opened("UDP"),
        Reroute(OVER_PORT_1),
        Send(Error(NO_PORT), ToSender(mac=OTHER_MAC, port=1)),
        Send(Error(NO_PORT, about=OUT), ToSender(mac=OTHER_MAC, port=1), port=1),
    ),
    Case(
        "an error does not keep a session alive",
        *opened("UDP"),
        Wait(55),
        Send(Error(NO_PORT), ToSender()),
        Wait(6),
        Sessions(0),
        Send(Error(NO_PORT), Drop("NO_SESSION")),
        Send(Error(NO_PORT, about=OUT), HandTo(1)),
    ),
    Case(
        "nor does it end one",
        *opened("TCP"),
        Send(Error(NO_HOST), ToSender()),
        Send(Error(NO_HOST, about=OUT), ToSender()),
        Sessions(1, "TCP_SYN_RECV"),
        Send(tcp(ACK), ToRs()),
    ),
    Case(
        "an error from whom nobody could answer",
        *opened("UDP6"),
        Send(Error(NO_PORT6, outer=lambda net: _from(net, "fe80::1")), ToSender()),
    ),
    *(
        Case(
            f"an error about a packet that no session has sent, {what}",
            *opened("UDP"),
            Send(Error(NO_PORT, change=change), Drop("NO_SESSION")),
        )
        for what, change in (
            ("of another port", lambda q: patched(q, 21, b"\x77")),
            ("to another port", lambda q: patched(q, 23, b"\x77")),
            ("to somebody else", lambda q: patched(q, 19, b"\x77")),
            ("of another protocol", lambda q: patched(q, 9, b"\x06")),
        )
    ),
    *(
        Case(
            f"ICMP{version} type {type} is no error to be passed on",
            Send(packet / message((type, 0), 0, bytes(40), packet.payload), Drop("ICMP")),
        )
        for version, packet, types in (
            ("v4", ip(dst=LOCAL[0], proto=1), (0, 4, 5, 6, 9, 13, 17, 18, 30, 255)),
            ("v6", ip6(dst=LOCAL6[0], nh=58), (0, 5, 100, 127, 129, 130, 137, 255)),
        )
        for type in types
    ),
    Case(
        "an error to nobody we know",
        Send(
            ip(dst="10.96.0.99", proto=1)
            / message(NO_PORT, 0, ip_of(bytes(udp(src="10.96.0.99"))), IP()),
            Drop("NOT_FOR_US"),
        ),
    ),
]


def _hops(net: Packet, hops: int) -> Packet:
    changed = net.copy()
    setattr(changed, "hlim" if IPv6 in net else "ttl", hops)
    return changed


def _from(net: Packet, source: str) -> Packet:
    changed = net.copy()
    changed.src = source
    return changed


CASES = [
    *ALL,
    *CHECKSUMS,
    *LENGTHS,
    *WORKERS,
    *FATES,
]
