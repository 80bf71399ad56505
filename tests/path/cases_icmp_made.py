# SPDX-License-Identifier: BSD-3-Clause
"""Time exceeded and too big: a packet that cannot go on becomes an error to its sender."""

from case import IN, OUT, Back, Burst, Case, Drop, Punt, Reroute, Send, Sessions, ToClient, ToRs
from cases_forwarding import NO_CLIENTS, NOWHERE, UNRESOLVED
from cases_translation import tcp46, tcp64, udp46, udp64
from errors import Told
from packets.frames import (
    ACK,
    GATEWAY,
    LOCAL,
    OWN,
    RS,
    RS6,
    VIP,
    VIP6,
    VIP_EMPTY,
    patched,
    tcp,
    tcp6,
    udp,
    udp6,
    with_options,
)
from scapy.layers.inet import IP, IPOption_NOP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt
from scapy.packet import Packet

LONG = 1600
WAYS = {
    "44": (udp, tcp, RS),
    "66": (udp6, tcp6, RS6),
    "64": (udp64, tcp64, RS),
    "46": (udp46, tcp46, RS6),
}


def whole(packet: Packet) -> Packet:
    """The packet with DF set, if it is IPv4."""
    if IP in packet:
        packet[IP].flags = "DF"
        del packet[IP].chksum
    return packet


def hops(packet: Packet, left: int) -> Packet:
    """The packet with so many hops left."""
    setattr(packet.payload, "hlim" if IPv6 in packet else "ttl", left)
    if IP in packet:
        del packet[IP].chksum
    return packet


def told(way: str, direction: str) -> int:
    """The MTU that the sender is told where 1,500 bytes fit."""
    from_v6, to_v6 = (way[0] == "6", way[1] == "6")[:: 1 if direction == IN else -1]
    return 1500 + 20 * (from_v6 - to_v6)


TIME = [
    case
    for way, (ask, connect, rs) in WAYS.items()
    for case in (
        Case(
            f"first packets, {way}",
            *(Send(hops(p, n), Told("TTL")) for n in (0, 1) for p in (ask(), connect())),
            Sessions(0),
        ),
        Case(
            f"packets of a session, {way}",
            Send(ask(), ToRs(rs)),
            Send(hops(ask(), 1), Told("TTL", session="in")),
            Send(Back(change=lambda p: hops(p, 1)), Told("TTL", session="out")),
            Send(Back(), ToClient()),
        ),
        Case(
            f"segments of a connection, {way}",
            Send(connect(), ToRs(rs)),
            Send(hops(connect(ACK, b"x" * 1400), 1), Told("TTL", session="in")),
            Send(Back("SA", change=lambda p: hops(p, 0)), Told("TTL", session="out")),
        ),
    )
]

BIG = [
    case
    for way, (ask, connect, rs) in WAYS.items()
    for case in (
        Case(
            f"too big from the client, {way}",
            Send(ask(), ToRs(rs)),
            Send(whole(ask(b"x" * LONG)), Told("MTU", told(way, IN), session="in")),
            Send(ask(b"x" * 1400), ToRs(rs)),
        ),
        Case(
            f"too big from the RS, {way}",
            Send(connect(), ToRs(rs)),
            Send(Back(ACK, b"x" * LONG, change=whole), Told("MTU", told(way, OUT), session="out")),
        ),
        Case(
            f"the first packet may be too big, {way}",
            Send(whole(ask(b"x" * LONG)), Told("MTU", told(way, IN), session="in")),
            Sessions(1),
        ),
    )
]

LENGTHS = [
    *(
        Case(
            f"{what} MTU from the client, {way}",
            Send(whole(ask(b"x" * (size + more))), outcome),
        )
        for way, (ask, _, rs) in WAYS.items()
        for size in (told(way, IN) - (48 if way[0] == "6" else 28),)
        for what, more, outcome in (
            ("as long as the", 0, ToRs(rs)),
            ("a byte more than the", 1, Told("MTU", told(way, IN), session="in")),
        )
    ),
    *(
        Case(
            f"a quotation of {size} bytes and UDP's 8, {way}",
            Send(hops(ask(b"x" * size), 1), Told("TTL")),
        )
        for way, sizes in (
            ("44", (0, 1, 519, 520, 521, 1400)),
            ("66", (0, 1, 1183, 1184, 1185, 1400)),
        )
        for ask in (WAYS[way][0],)
        for size in sizes
    ),
    *(
        Case(
            f"a quotation out of {n} segments",
            Send(hops(udp(b"x" * 1400), 1), Told("TTL"), segments=n),
            Send(hops(udp6(b"x" * 1400), 1), Told("TTL"), segments=n),
        )
        for n in (2, 3, 5, 11)
    ),
    Case("options are quoted", Send(with_options(tcp(ttl=1), *[IPOption_NOP()] * 40), Told("TTL"))),
    Case(
        "extension headers are quoted", Send(tcp6(hlim=1, extra=IPv6ExtHdrDestOpt()), Told("TTL"))
    ),
    Case("padding is not", Send(bytes(udp(b"", ttl=1)) + bytes(18), Told("TTL"))),
    Case("it leaves by the port it came by", Send(udp(ttl=1), Told("TTL"), port=1)),
]

SILENT = [
    *(
        Case(f"{src} is not told", Send(udp(src=src, ttl=1), Drop("BAD_SOURCE")))
        for src in ("0.0.0.1", "127.0.0.1", "224.0.0.1", "255.255.255.255", VIP, LOCAL[1], OWN)
    ),
    *(
        Case(f"{src} is not told", Send(udp6(src=src, hlim=1), Drop("BAD_SOURCE")))
        for src in ("::1", "fe80::9", "ff02::1", VIP6)
    ),
    Case(
        "nobody is told where there is no service",
        Send(udp(ttl=1, dport=9), Drop("NO_VS")),
        Send(udp(ttl=1, dst="10.96.0.99"), Drop("NOT_FOR_US")),
        Send(udp(ttl=1, dst=LOCAL[0]), Drop("NO_SESSION")),
        Send(udp(ttl=1, dst=OWN), Punt("OTHER")),
    ),
    Case(
        "nor in a frame for a group",
        Send(patched(udp(ttl=1), 0, b"\x01\0\x5e\0\0\1"), Drop("NOT_FOR_US")),
    ),
    Case(
        "nor, for now, of a way that is not known",
        Reroute(NOWHERE),
        Send(whole(udp(b"x" * LONG)), Drop("NO_ROUTE", session="in")),
        Reroute(UNRESOLVED),
        Send(whole(udp(b"x" * LONG)), Drop("NO_NEIGHBOUR", session="in", wanted=GATEWAY)),
    ),
    Case(
        "time is up before the way is looked for",
        Send(udp(), ToRs(RS)),
        Reroute(NO_CLIENTS),
        Send(Back(change=lambda p: hops(p, 1)), Told("TTL", session="out")),
    ),
    Case(
        "time is up before it is asked whether there is an RS",
        Send(tcp(dst=VIP_EMPTY, ttl=1), Told("TTL")),
        Send(tcp(ACK, ttl=1), Told("TTL")),
    ),
]

RATES = [
    Case(
        "a worker makes 256 at once",
        *(Burst([Send(udp(ttl=1, sport=n), Told("TTL")) for n in range(32)]) for _ in range(8)),
        Send(udp(ttl=1), Drop("TTL")),
        Send(udp6(hlim=1), Drop("TTL")),
        Send(whole(udp(b"x" * LONG)), Drop("MTU", session="in")),
        Send(udp(ttl=1), Told("TTL"), worker=1),
    ),
]

CASES = [*TIME, *BIG, *LENGTHS, *SILENT, *RATES]
