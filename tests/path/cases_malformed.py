# SPDX-License-Identifier: BSD-3-Clause
"""Hostile bytes: lengths that lie, headers cut short, sources that cannot be."""

from case import IN, Back, Case, Drop, Punt, Send, Sessions, ToClient, ToRs
from errors import Told
from packets.frames import ACK, LOCAL, OWN, RS, VIP, ether, ip, patched, tcp, udp, with_ip

IP_TOTAL_LENGTH, TCP_DATA_OFFSET, UDP_LENGTH = 2, 46, 38


def length(value: int) -> bytes:
    """A 16-bit length."""
    return value.to_bytes(2, "big")


def total_length(name: str, reason: str, value: int) -> Case:
    """A SYN of 40 bytes whose IPv4 header claims another length."""
    return Case(
        f"total length {value}, {name}",
        Send(with_ip(tcp(), IP_TOTAL_LENGTH, length(value)), Drop(reason)),
        Sessions(0),
    )


LENGTHS = [
    *(total_length("less than a header", "BAD_LENGTH", value) for value in (0, 1, 19)),
    *(total_length("no room for TCP", "L4_SHORT", value) for value in (20, 21, 39)),
    *(total_length("more than came", "BAD_LENGTH", value) for value in (41, 1500, 65535)),
    *(
        Case(
            f"header length {ihl} words is none",
            Send(with_ip(tcp(), 0, bytes([0x40 | ihl])), Drop("BAD_IHL")),
        )
        for ihl in range(5)
    ),
    *(
        Case(
            f"header length {ihl} words is beyond the packet",
            Send(with_ip(tcp(), 0, bytes([0x40 | ihl])), Drop("BAD_IHL")),
        )
        for ihl in (11, 12, 15)
    ),
    Case(
        "header length 10 words ends with the packet, and TCP has no room",
        Send(with_ip(tcp(), 0, b"\x4a"), Drop("L4_SHORT")),
    ),
    *(
        Case(
            f"IP version {version} in an IPv4 frame",
            Send(with_ip(tcp(), 0, bytes([version << 4 | 5])), Drop("BAD_VERSION")),
        )
        for version in (0, 5, 6, 15)
    ),
    *(
        Case(
            f"TCP data offset {words} words is less than a header",
            Send(patched(tcp(), TCP_DATA_OFFSET, bytes([words << 4])), Drop("L4_SHORT")),
        )
        for words in range(5)
    ),
    Case(
        "a TCP header longer than the segment",
        Send(patched(tcp(), TCP_DATA_OFFSET, b"\x60"), Drop("L4_SHORT")),
    ),
    *(
        Case(
            f"UDP length {value} is less than a header",
            Send(patched(udp(), UDP_LENGTH, length(value)), Drop("L4_SHORT")),
        )
        for value in (0, 1, 7)
    ),
    Case(
        "UDP length more than came",
        Send(patched(udp(b"12345678"), UDP_LENGTH, length(17)), Drop("L4_SHORT")),
    ),
    Case("an ICMP message of 7 bytes", Send(ip(proto=1) / bytes(7), Drop("L4_SHORT"))),
    Case(
        "padding behind a short packet stays behind it",
        Send(bytes(tcp()) + bytes(6), ToRs()),
        Send(Back(change=lambda p: bytes(p) + b"\xff" * 6), ToClient()),
    ),
    Case(
        "what stands behind a packet goes where it would not fit",
        Send(bytes(tcp()) + bytes(1445), ToRs()),
        Send(bytes(tcp("A", payload=b"x" * 1460)) + b"y", ToRs(cut=1)),
        Send(bytes(tcp("A", payload=b"x" * 1000)) + bytes(461), ToRs(cut=461)),
        Send(bytes(tcp("A", payload=b"x" * 1000)) + bytes(461), ToRs(cut=461), segments=3),
        Send(tcp("A", payload=b"x" * 1461, flags="DF"), Told("MTU", 1500, session=IN)),
    ),
    Case(
        "padding is not taken for TCP",
        Send(bytes(ip(proto=6, len=20)) + bytes(26), Drop("L4_SHORT")),
    ),
]

TTL = [
    *(
        Case(
            f"a SYN with TTL {ttl} opens no session",
            Send(tcp(ttl=ttl), Told("TTL")),
            Sessions(0),
        )
        for ttl in (0, 1)
    ),
    *(
        Case(
            f"TTL {ttl} ends the way of a session's packet",
            Send(tcp(), ToRs()),
            Send(tcp(ACK, ttl=ttl), Told("TTL", session="in")),
        )
        for ttl in (0, 1)
    ),
    Case("TTL 2 is enough", Send(tcp(ttl=2), ToRs())),
    Case("TTL 255", Send(tcp(ttl=255), ToRs())),
]

FLAGS = [
    Case("do-not-fragment is no fragment", Send(udp(flags="DF"), ToRs(RS))),
    Case("the reserved flag is no fragment", Send(udp(flags="evil"), ToRs(RS))),
]

SEGMENTS = [
    *(
        Case(
            f"headers that do not lie in the first of {count} mbufs",
            Send(tcp(payload=b"x" * 200), Drop("MULTI_SEGMENT"), segments=count),
            Sessions(0),
        )
        for count in (5, 6, 7)
    ),
    *(
        Case(
            f"a payload in {count} mbufs",
            Send(tcp(payload=b"x" * 200), ToRs(RS), segments=count),
            Send(Back(payload=b"y" * 300), ToClient(), segments=count),
        )
        for count in (2, 3, 4)
    ),
    Case(
        "a first mbuf without a whole Ethernet header",
        Send(tcp(), Drop("SHORT"), segments=27),
    ),
    Case("ARP in two mbufs", Send(ether(type=0x0806) / bytes(46), Punt("ARP"), segments=2)),
]

SOURCES = [
    Case(f"a client cannot be {source}", Send(tcp(src=source), Drop("BAD_SOURCE")), Sessions(0))
    for source in (
        "0.0.0.0",
        "0.1.2.3",
        "127.0.0.1",
        "127.255.255.255",
        "224.0.0.5",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        VIP,
        OWN,
        *LOCAL,
    )
] + [
    Case("nor with UDP", Send(udp(src="127.0.0.1"), Drop("BAD_SOURCE"))),
    Case("1.0.0.1 is as good as any", Send(tcp(src="1.0.0.1"), ToRs())),
    Case("223.255.255.254 too", Send(tcp(src="223.255.255.254"), ToRs())),
    *(
        Case(
            f"an echo request from {source} is not answered",
            Send(ip(source, proto=1) / b"\x08\x00\xf7\xff" / bytes(4), Drop("BAD_SOURCE")),
        )
        for source in ("0.0.0.0", "127.0.0.1", "224.0.0.5", "255.255.255.255", VIP, OWN, LOCAL[1])
    ),
]

CASES = [*LENGTHS, *TTL, *FLAGS, *SEGMENTS, *SOURCES]
